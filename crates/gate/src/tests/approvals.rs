use super::*;

const ID: &str = "01990000-0000-7000-8000-000000000007";
const NOW: Timestamp = Timestamp::from_nanos(1_790_000_000_000_000_000);

fn request() -> ApprovalRequest {
    ApprovalRequest {
        id: ID.parse().unwrap(),
        run: ID.parse().unwrap(),
        kind: ApprovalKind::Action,
        subject: Digest::of("this"),
        plan: Digest::of("plan"),
        snapshot: Digest::of("snapshot"),
        policy: Digest::of("policy"),
        summary: "write orders".to_owned(),
        risk: Risk::R3,
        missing: String::new(),
        humans: 2,
        stewards: 0,
        author: "Ada".to_owned(),
        owner: "grace".to_owned(),
        state: ApprovalState::Open,
        created: NOW,
        expires: NOW,
        decided: None,
    }
}

fn vote(voter: &str, roles: &[&str]) -> Vote {
    Vote {
        approval: request().id,
        voter: voter.to_owned(),
        identity: "proved".to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ballot: Ballot::Yes,
        subject: request().subject,
        reason: None,
        at: NOW,
    }
}

fn tally(votes: &[Vote]) -> (u32, u32) {
    let given = Approval::tally(votes, &request(), false);
    (given.humans, given.stewards)
}

#[test]
fn independent_people_with_a_role_are_counted() {
    let votes = [
        vote("linus", &["reviewer"]),
        vote("kim", &["steward", "viewer"]),
        vote("joan", &["admin"]),
    ];
    assert_eq!(tally(&votes), (3, 1));
    assert_eq!(Approval::tally(&votes, &request(), true).expires, request().expires);
}

#[test]
fn no_other_vote_counts() {
    let kim = || vote("kim", &["steward"]);
    let other = ID.replace('7', "8").parse().unwrap();
    let cases = [
        ("the author", vote("ada", &["steward"])),
        ("the author, written otherwise", vote(" ADA ", &["steward"])),
        ("the owner", vote("Grace", &["admin"])),
        ("nobody", vote(" ", &["admin"])),
        ("somebody without a role that counts", vote("kim", &["viewer", "engineer"])),
        ("somebody who said no", Vote { ballot: Ballot::No, ..kim() }),
        ("a yes to something else", Vote { subject: Digest::of("that"), ..kim() }),
        ("a yes from another request", Vote { approval: other, ..kim() }),
    ];
    for (who, vote) in cases {
        assert_eq!(tally(&[vote]), (0, 0), "{who}");
    }
    let asserted = Vote { identity: "asserted".to_owned(), ..kim() };
    assert_eq!(Approval::tally(&[asserted], &request(), true).humans, 0);
}

fn any_votes() -> impl Strategy<Value = Vec<Vote>> {
    let roles = prop::sample::subsequence(vec!["viewer", "reviewer", "steward", "admin"], 0..=4);
    let one = (prop::sample::select(vec!["kim", "linus", "joan"]), roles, any::<bool>());
    prop::collection::vec(
        one.prop_map(|(voter, roles, yes)| Vote {
            ballot: if yes { Ballot::Yes } else { Ballot::No },
            ..vote(voter, &roles)
        }),
        0..6,
    )
}

proptest! {
    #![proptest_config(quick())]

    #[test]
    fn votes_of_author_and_owner_duplicates_and_other_digests_change_nothing(
        votes in any_votes(), place in 0usize..6, upper: bool,
    ) {
        let before = tally(&votes);
        let at = place.min(votes.len());
        let spelled = |name: &str| if upper { format!(" {} ", name.to_uppercase()) } else { name.to_owned() };
        let elsewhere = Vote { subject: Digest::of("that"), ..vote("new", &["steward"]) };
        for extra in [vote(&spelled("ada"), &["steward"]), vote(&spelled("grace"), &["admin"]), elsewhere] {
            let mut more = votes.clone();
            more.insert(at, extra);
            prop_assert_eq!(tally(&more), before);
        }
        for vote in &votes {
            let mut more = votes.clone();
            more.push(Vote { voter: spelled(&vote.voter), ..vote.clone() });
            prop_assert_eq!(tally(&more), before);
        }
    }
}
