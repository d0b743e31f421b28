//! The missing condition: the least that people could add to turn a no into a yes, found by asking
//! again with approvals that do not exist.

use belay_model::Timestamp;

use crate::{Approval, Circumstances};

/// The most people that a policy may ask for and still be found.
const MOST: u32 = 3;

/// What people would have to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// A yes to beginning this step.
    pub guided: bool,
    /// How many people in all, none of them the owner.
    pub humans: u32,
    /// How many of them have to be stewards.
    pub stewards: u32,
}

impl Needs {
    /// Such as "approval by one steward who is not the owner".
    pub fn words(self) -> Vec<String> {
        let step = self.guided.then(|| "a yes to this step".to_owned());
        step.into_iter().chain(self.approval()).collect()
    }

    fn approval(self) -> Option<String> {
        let many = |count: u32| match count {
            1 => "one".to_owned(),
            2 => "two".to_owned(),
            3 => "three".to_owned(),
            count => count.to_string(),
        };
        let who = match (self.humans, self.stewards) {
            (0, _) => return None,
            (1, 0) => "one person who is not the owner".to_owned(),
            (1, _) => "one steward who is not the owner".to_owned(),
            (humans, stewards) => {
                let people = many(humans);
                let people = match stewards {
                    0 => format!("{people} people"),
                    1 => format!("{people} people, one of them a steward"),
                    all if all >= humans => format!("{people} stewards"),
                    some => format!("{people} people, {} of them stewards", many(some)),
                };
                let none = if humans == 2 { "neither" } else { "none" };
                format!("{people}, {none} of them the owner")
            }
        };
        Some(format!("approval by {who}"))
    }
}

/// Searches from the least to the most; `None`: nothing that people could add would help.
pub(crate) fn search(
    circumstances: Circumstances,
    mut allowed: impl FnMut(Circumstances) -> bool,
) -> Option<Needs> {
    let mut with = |needs: Needs| {
        let expires = Timestamp::from_nanos(i64::MAX);
        let given = Approval { humans: needs.humans, stewards: needs.stewards, expires };
        allowed(Circumstances {
            guided: circumstances.guided || needs.guided,
            approval: if needs.humans > 0 { Some(given) } else { circumstances.approval },
            ..circumstances
        })
    };
    // What not even everybody's yes would change is asked about only once.
    if !with(Needs { guided: true, humans: MOST, stewards: MOST }) {
        return None;
    }
    candidates(circumstances.guided).find(|needs| with(*needs))
}

fn candidates(guided: bool) -> impl Iterator<Item = Needs> {
    let approvals = |guided: bool| {
        (1..=MOST).flat_map(move |humans| {
            (0..=humans).map(move |stewards| Needs { guided, humans, stewards })
        })
    };
    let step = (!guided).then_some(Needs { guided: true, humans: 0, stewards: 0 });
    let both = (!guided).then(|| approvals(true)).into_iter().flatten();
    step.into_iter().chain(approvals(false)).chain(both)
}
