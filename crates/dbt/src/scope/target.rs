//! Whether both projects were parsed for the same target, and how to look past it if not.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::id::NodeId;
use crate::manifest::{Manifest, Node, Relation, Settings};
use crate::scope::spelling::{canonical, same_code};

/// A database and a schema.
type Place = (Box<str>, Box<str>);

/// What a node's config says of its place, in one spelling.
type Configured = [Option<String>; 4];

const PLACE_KEYS: [&str; 4] = ["database", "schema", "target_database", "target_schema"];

/// Where the target of base puts things, and where that of head does.
pub(super) struct Retarget {
    /// From each place in base, and what is configured there, to where most such nodes went.
    places: BTreeMap<(Place, Configured), Place>,
    is_moved: bool,
    aliases_move: bool,
}

impl Retarget {
    pub(super) fn between(base: &Manifest, head: &Manifest) -> Self {
        let pairs: Vec<_> = pairs(base, head).collect();
        let by_default: Vec<_> = pairs.iter().filter(|pair| pair.is_placed_by_target()).collect();
        let judges = if by_default.is_empty() { pairs.iter().collect() } else { by_default };
        let moved = judges.iter().filter(|pair| pair.from() != pair.to()).count();
        let renamed = pairs.iter().filter(|pair| pair.is_renamed()).count();
        Self {
            is_moved: moved > 0 && 2 * moved >= judges.len(),
            aliases_move: renamed > 0 && 2 * renamed >= pairs.len(),
            places: majority(&pairs),
        }
    }

    /// Base and head were parsed for different targets.
    pub(super) fn is_moved(&self) -> bool {
        self.is_moved
    }

    /// The node lives where it did, or the move of the target explains why not.
    pub(super) fn explains(&self, old: &Node, new: &Node) -> bool {
        let Some(pair) = Pair::of(old, new) else { return true };
        let (from, to) = (pair.from(), pair.to());
        let is_explained =
            || self.is_moved && self.places.get(&(from.clone(), pair.configured())) == Some(&to);
        (!pair.is_renamed() || self.aliases_move) && (from == to || is_explained())
    }

    /// The move of the target explains why a source is read from elsewhere.
    pub(super) fn explains_source(&self, old: &Relation, new: &Relation) -> bool {
        let ((old_database, old_schema), (new_database, new_schema)) = (place(old), place(new));
        let database = old_database == new_database
            || self.renames(|place| &place.0).any(|pair| pair == (&old_database, &new_database));
        let schema = old_schema == new_schema
            || self
                .renames(|place| &place.1)
                .any(|(from, to)| old_schema.replace(&**from, to) == *new_schema);
        old.identifier == new.identifier && database && schema
    }

    fn renames<'a>(
        &'a self,
        part: impl Fn(&'a Place) -> &'a Box<str> + 'a,
    ) -> impl Iterator<Item = (&'a Box<str>, &'a Box<str>)> {
        let pairs = self.places.iter().map(move |((from, _), to)| (part(from), part(to)));
        pairs.filter(|(from, to)| self.is_moved && from != to && !from.is_empty())
    }

    /// The words of base's code and the words of head's that mean the same place.
    fn words(&self) -> BTreeSet<(&str, &str)> {
        let databases = self.renames(|place| &place.0);
        let schemas = self.renames(|place| &place.1);
        databases.chain(schemas).map(|(from, to)| (&**from, &**to)).collect()
    }

    /// Two compiled codes are the same once each relation is called by its node's id.
    pub(super) fn same_compiled(
        &self,
        (base, old): (&Manifest, &Node),
        (head, new): (&Manifest, &Node),
        (old_code, new_code): (&str, &str),
    ) -> bool {
        let old_code = with_ids(old_code, base, old);
        let new_code = with_ids(new_code, head, new);
        if same_code(&old_code, &new_code) {
            return true;
        }
        let (mut old_code, mut new_code) = (old_code, new_code);
        for (at, (from, to)) in self.words().into_iter().enumerate() {
            let token = format!("\u{1}{at}\u{1}");
            old_code = Cow::Owned(replace_word(&old_code, from, &token));
            new_code = Cow::Owned(replace_word(&new_code, to, &token));
        }
        self.is_moved && same_code(&old_code, &new_code)
    }
}

/// Head's code of a node with each relation called by the name that it has in base, so that what
/// differs besides is a change of the query. `renamed` leads from a new node to the one it was.
pub(super) fn in_words_of_base(
    code: &str,
    (base, head): (&Manifest, &Manifest),
    node: &Node,
    renamed: &BTreeMap<NodeId, NodeId>,
) -> String {
    let mut names = BTreeMap::new();
    collect_names(head, node, &mut names);
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let name_in_base = |id: &str| {
        let id = NodeId::new(id);
        let old = base.node(renamed.get(&id).unwrap_or(&id))?;
        old.relation.as_ref()?.name.as_deref()
    };
    // By way of tokens: what one name is replaced by must not be taken for another.
    let mut code = code.to_owned();
    let mut tokens = Vec::new();
    for (name, id) in names {
        if let Some(old) = name_in_base(id).filter(|old| *old != name && code.contains(name)) {
            let token = format!("\u{1}{}\u{1}", tokens.len());
            code = replace_word(&code, name, &token);
            tokens.push((token, old));
        }
    }
    tokens.into_iter().fold(code, |code, (token, old)| code.replace(&token, old))
}

/// Where one node lives in base and in head.
struct Pair<'a> {
    old: &'a Relation,
    new: &'a Relation,
    config: &'a Settings,
}

impl<'a> Pair<'a> {
    fn of(old: &'a Node, new: &'a Node) -> Option<Self> {
        let relations = old.relation.as_ref().zip(new.relation.as_ref());
        relations.map(|(old, now)| Self { old, new: now, config: &new.unrendered_config })
    }

    fn from(&self) -> Place {
        place(self.old)
    }

    fn to(&self) -> Place {
        place(self.new)
    }

    fn configured(&self) -> Configured {
        PLACE_KEYS.map(|key| self.config.value(key).map(canonical))
    }

    fn is_placed_by_target(&self) -> bool {
        PLACE_KEYS.iter().all(|key| self.config.value(key).is_none())
    }

    fn is_renamed(&self) -> bool {
        self.old.identifier != self.new.identifier
    }
}

/// Built nodes whose place is configured the same on both sides.
fn pairs<'a>(base: &'a Manifest, head: &'a Manifest) -> impl Iterator<Item = Pair<'a>> {
    head.nodes().filter(|node| node.kind.is_built()).filter_map(|new| {
        let old = base.node(&new.id)?;
        let is_same = same_place_configured(&old.unrendered_config, &new.unrendered_config);
        is_same.then(|| Pair::of(old, new)).flatten()
    })
}

pub(super) fn same_place_configured(old: &Settings, new: &Settings) -> bool {
    let is_same = |key: &str| old.value(key).map(canonical) == new.value(key).map(canonical);
    PLACE_KEYS.iter().all(|key| is_same(key)) && is_same("alias")
}

fn place(relation: &Relation) -> Place {
    (relation.database.clone().unwrap_or_default(), relation.schema.clone().unwrap_or_default())
}

fn majority(pairs: &[Pair<'_>]) -> BTreeMap<(Place, Configured), Place> {
    let mut votes: BTreeMap<_, BTreeMap<Place, usize>> = BTreeMap::new();
    for pair in pairs {
        let of_place = votes.entry((pair.from(), pair.configured())).or_default();
        *of_place.entry(pair.to()).or_default() += 1;
    }
    let winner = |votes: BTreeMap<Place, usize>| {
        votes.into_iter().rev().max_by_key(|(_, count)| *count).map(|(to, _)| to)
    };
    votes.into_iter().filter_map(|(from, votes)| Some((from, winner(votes)?))).collect()
}

/// The code with the names of the relations it may read replaced by the ids of their nodes.
fn with_ids<'a>(code: &'a str, manifest: &Manifest, node: &Node) -> Cow<'a, str> {
    let mut names = BTreeMap::new();
    collect_names(manifest, node, &mut names);
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    names.into_iter().fold(Cow::Borrowed(code), |code, (name, id)| {
        if code.contains(name) {
            Cow::Owned(replace_word(&code, name, &format!("\u{1}{id}\u{1}")))
        } else {
            code
        }
    })
}

/// The node itself and its parents; of an ephemeral parent, which is pasted in, its parents too.
fn collect_names<'a>(
    manifest: &'a Manifest,
    node: &'a Node,
    names: &mut BTreeMap<&'a str, &'a str>,
) {
    let mut seen = BTreeSet::new();
    let mut waiting = vec![node];
    while let Some(reader) = waiting.pop() {
        let itself = std::iter::once(reader);
        for known in itself.chain(manifest.parents(&reader.id)) {
            if let Some(name) =
                known.relation.as_ref().and_then(|relation| relation.name.as_deref())
            {
                names.insert(name, known.id.as_str());
            }
            if known.is_ephemeral() && seen.insert(known.id.as_str()) {
                waiting.push(known);
            }
        }
    }
}

/// Replaces `word` where no letter, digit or underscore stands beside it.
fn replace_word(code: &str, word: &str, by: &str) -> String {
    let mut replaced = String::with_capacity(code.len());
    let mut done = 0;
    for (at, found) in code.match_indices(word) {
        let before = code.get(..at).and_then(|text| text.chars().next_back());
        let end = at + found.len();
        let after = code.get(end..).and_then(|text| text.chars().next());
        if !before.is_some_and(continues_word) && !after.is_some_and(continues_word) {
            replaced.push_str(code.get(done..at).unwrap_or_default());
            replaced.push_str(by);
            done = end;
        }
    }
    replaced.push_str(code.get(done..).unwrap_or_default());
    replaced
}

fn continues_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}
