//! An answer for the terminal: trees of columns, then what decides rows, then who reads them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::wire::{Column, End, Lineage, Link, Node};

/// Kinds of nodes that end a walk: nothing else is made from them.
const READERS: [(&str, &str); 6] = [
    ("exposure", "exposures"),
    ("metric", "metrics"),
    ("semantic model", "semantic models"),
    ("saved query", "saved queries"),
    ("test", "tests"),
    ("unit test", "unit tests"),
];

/// Stands for what a reader that is not understood reads.
const NOBODY: &str = "?";

const ITS_ROWS: &str = "its rows";

/// How many names a line lists.
const LISTED: usize = 12;

pub(super) fn text(lineage: &Lineage, types: bool) -> String {
    let page = Page::new(lineage, types);
    let mut out = page.head();
    let (up, down) = (lineage.direction != "down", lineage.direction != "up");
    match (&lineage.of.column, up) {
        (Some(_), true) => out.push_str(&page.tree("comes from", &lineage.of, Way::Up)),
        (None, _) => out.push_str(&page.columns()),
        (Some(_), false) => (),
    }
    if up {
        out.push_str(&page.read_by_reader());
        out.push_str(&page.row_deciders());
        out.push_str(&page.origins());
    }
    if down {
        match &lineage.of.column {
            Some(_) => out.push_str(&page.tree("goes into", &lineage.of, Way::Down)),
            None => out.push_str(&page.children()),
        }
        out.push_str(&page.decided());
        out.push_str(&page.readers());
    }
    out.push_str(&page.unread());
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

pub(super) struct Page<'a> {
    lineage: &'a Lineage,
    types: bool,
    nodes: BTreeMap<&'a str, &'a Node>,
    labels: BTreeMap<&'a str, Cow<'a, str>>,
}

/// What each node of an answer is called: by its name; with its kind where a node with data has that
/// name; by its id where two of a kind have it.
pub(super) fn labels(lineage: &Lineage) -> BTreeMap<&str, Cow<'_, str>> {
    let has_data =
        |node: &Node| matches!(node.kind.as_str(), "model" | "source" | "seed" | "snapshot");
    let mut count: BTreeMap<(bool, &str), usize> = BTreeMap::new();
    for node in &lineage.nodes {
        *count.entry((has_data(node), &node.name)).or_default() += 1;
    }
    let mut labels = BTreeMap::new();
    for node in &lineage.nodes {
        let alike = |has_data| count.get(&(has_data, &*node.name)).copied().unwrap_or_default();
        let label = match (has_data(node), alike(true), alike(false)) {
            (true, 1, _) | (false, 0, 1) => Cow::Borrowed(&*node.name),
            (false, _, _) => Cow::Owned(format!("{} {}", node.kind, node.name)),
            _ => Cow::Borrowed(&*node.id),
        };
        labels.insert(&*node.id, label);
    }
    labels
}

impl<'a> Page<'a> {
    fn new(lineage: &'a Lineage, types: bool) -> Self {
        let nodes = lineage.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        Self { lineage, types, nodes, labels: labels(lineage) }
    }

    fn label<'b>(&'b self, id: &'b str) -> &'b str {
        self.labels.get(id).map_or(id, |label| label)
    }

    fn place(&self, end: &'a End) -> String {
        match &end.column {
            Some(column) => format!("{}.{column}", self.label(&end.node)),
            None => self.label(&end.node).to_owned(),
        }
    }

    fn column(&self, end: &End) -> Option<&'a Column> {
        let name = end.column.as_deref()?;
        self.nodes.get(end.node.as_str())?.columns.iter().find(|column| column.name == name)
    }

    fn kind(&self, id: &str) -> &'a str {
        self.nodes.get(id).map_or("", |node| node.kind.as_str())
    }

    fn is_reader(&self, id: &str) -> bool {
        READERS.iter().any(|(kind, _)| *kind == self.kind(id))
    }

    fn head(&self) -> String {
        let of = &self.lineage.of;
        let mut said = vec![of.node.clone()];
        if let Some(node) = self.nodes.get(of.node.as_str()) {
            match self.column(of) {
                Some(column) => {
                    said.extend(column.data_type.clone());
                    said.extend(column.volatile.then(|| "differs from run to run".to_owned()));
                }
                None if self.is_reader(&node.id) => (),
                None => {
                    let open = if node.complete { "" } else { " known, there may be more" };
                    let count = node.columns.len();
                    let noun = if count == 1 { "column" } else { "columns" };
                    said.push(format!("{count} {noun}{open}"));
                }
            }
            said.extend(node.contract.then(|| "under contract".to_owned()));
            said.extend(node.path.clone());
        }
        let mut out = format!("{}\n{}\n", self.place(of), said.join(" · "));
        if let Some(node) = self.nodes.get(of.node.as_str()) {
            for key in node.keys.iter().filter(|_| of.column.is_none()) {
                let _infallible = writeln!(out, "key: {}", key.join(", "));
            }
            for note in &node.notes {
                let _infallible = writeln!(out, "note: {note}");
            }
        }
        out
    }

    /// Links that hold a column's value, in the order of their other ends.
    fn next(&self, end: &End, way: Way) -> Vec<(&'a End, &'a Link)> {
        let links = self.lineage.links.iter();
        let fits = links.filter_map(|link| match way {
            Way::Up if link.to == *end => Some((&link.from, link)),
            Way::Down if link.from == *end => Some((&link.to, link)),
            _ => None,
        });
        fits.filter(|(other, link)| {
            link.to.column.is_some() && other.node != end.node && !self.is_reader(&link.to.node)
        })
        .collect()
    }

    fn tree(&self, title: &str, end: &'a End, way: Way) -> String {
        let mut rows = Vec::new();
        self.branches(end, way, "", &mut BTreeSet::new(), &mut rows);
        if rows.is_empty() {
            let nothing = match (way, self.column(end).is_some_and(|column| column.unknown)) {
                (Way::Up, true) => "nobody knows: it is not understood",
                (Way::Up, false) => "no column: it is where the data comes from, or a constant",
                (Way::Down, _) => "no column of another node",
            };
            rows.push((format!("  {nothing}"), String::new()));
        }
        format!("\n{title}\n{}", table(&rows))
    }

    fn branches(
        &self,
        end: &'a End,
        way: Way,
        indent: &str,
        seen: &mut BTreeSet<&'a End>,
        rows: &mut Vec<(String, String)>,
    ) {
        let mut grouped: BTreeMap<&'a End, Vec<&'a Link>> = BTreeMap::new();
        for (other, link) in self.next(end, way) {
            grouped.entry(other).or_default().push(link);
        }
        let count = grouped.len();
        for (at, (other, links)) in grouped.into_iter().enumerate() {
            let (branch, below) =
                if at + 1 == count { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let is_new = seen.insert(other);
            let mut said = kinds(&links);
            said.extend(self.remarks(other));
            let more = !is_new && !self.next(other, way).is_empty();
            said.extend(more.then(|| "see above".to_owned()));
            rows.push((format!("  {indent}{branch}{}", self.place(other)), said.join(" · ")));
            if is_new {
                self.branches(other, way, &format!("{indent}{below}"), seen, rows);
            }
        }
    }

    fn remarks(&self, end: &End) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(column) = self.column(end) {
            said.extend(column.data_type.clone().filter(|_| self.types));
            said.extend(column.volatile.then(|| "differs from run to run".to_owned()));
            said.extend(column.unknown.then(|| "not understood further".to_owned()));
        }
        let kind = self.kind(&end.node);
        said.extend((kind != "model").then(|| kind.to_owned()));
        said
    }

    /// Each column of the node with what it is made from.
    fn columns(&self) -> String {
        let id = &self.lineage.of.node;
        let Some(node) = self.nodes.get(id.as_str()).filter(|node| !node.columns.is_empty()) else {
            return String::new();
        };
        let up = self.lineage.direction != "down";
        let rows: Vec<(String, String)> = node
            .columns
            .iter()
            .map(|column| {
                let end = End { node: id.clone(), column: Some(column.name.clone()) };
                let sources = if up { self.sources(&end, column) } else { String::new() };
                let data_type = column.data_type.as_deref().filter(|_| self.types);
                let data_type = data_type.map(|name| format!(" {name}")).unwrap_or_default();
                (format!("  {}{data_type}", column.name), sources)
            })
            .collect();
        format!("\ncolumns\n{}", table(&rows))
    }

    fn sources(&self, end: &End, column: &Column) -> String {
        let mut said: Vec<String> = Vec::new();
        let mut grouped: BTreeMap<&End, Vec<&Link>> = BTreeMap::new();
        for (other, link) in self.next(end, Way::Up) {
            grouped.entry(other).or_default().push(link);
        }
        for (other, links) in grouped {
            let kinds = kinds(&links);
            let plain = kinds.len() == 1 && kinds.first().is_some_and(|kind| kind == "value");
            let kinds = if plain { String::new() } else { format!(" ({})", kinds.join(", ")) };
            said.push(format!("{}{kinds}", self.place(other)));
        }
        let shown = match (said.is_empty(), column.unknown) {
            (true, true) => "← nobody knows".to_owned(),
            (true, false) => String::new(),
            _ => format!("← {}", said.join(", ")),
        };
        match column.volatile {
            true if shown.is_empty() => "differs from run to run".to_owned(),
            true => format!("{shown} · differs from run to run"),
            false => shown,
        }
    }

    /// What decides which rows the node has, and those that its columns come from.
    fn row_deciders(&self) -> String {
        let mut of: BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
        for link in &self.lineage.links {
            let is_up = self.nodes.get(link.to.node.as_str()).is_some_and(|node| node.level <= 0);
            if link.to.column.is_none() && is_up && !self.is_reader(&link.to.node) {
                let kinds = of.entry(&link.to.node).or_default();
                kinds.entry(&link.kind).or_default().insert(self.place(&link.from));
            }
        }
        if of.is_empty() {
            return String::new();
        }
        let mut rows = Vec::new();
        let nearest = |id: &&str| self.nodes.get(*id).map(|node| -node.level);
        let mut ids: Vec<&str> = of.keys().copied().collect();
        ids.sort_by_key(nearest);
        for id in ids {
            for (kind, places) in of.get(id).into_iter().flatten() {
                let places: Vec<String> = places.iter().cloned().collect();
                let said = match *kind {
                    "unknown" => format!("may read anything of {}", list(&places)),
                    "rows" => format!("the rows of {}", list(&places)),
                    kind => format!("{kind}: {}", list(&places)),
                };
                rows.push((format!("  {}", self.label(id)), said));
            }
        }
        format!("\nrows decided by\n{}", table(&rows))
    }

    /// What an exposure, a metric or a test reads that was asked for.
    fn read_by_reader(&self) -> String {
        let of = &self.lineage.of.node;
        if !self.is_reader(of) {
            return String::new();
        }
        let links = self.lineage.links.iter().filter(|link| link.to.node == *of);
        let reads: BTreeSet<(String, String)> =
            links.map(|link| (format!("  {}", self.place(&link.from)), self.how(link))).collect();
        format!("\nreads\n{}", table(&reads.into_iter().collect::<Vec<_>>()))
    }

    fn how(&self, link: &Link) -> String {
        let is_open = link.from.column.is_none()
            && link.confidence == "likely"
            && !self.is_reader(&link.from.node);
        let kind = self.kind(&link.from.node);
        if is_open { format!("{kind} · which columns is not known") } else { kind.to_owned() }
    }

    /// Where the walk up ends.
    fn origins(&self) -> String {
        let ends: BTreeSet<&str> =
            self.lineage.links.iter().map(|link| link.to.node.as_str()).collect();
        let is_origin = |node: &&Node| {
            node.level < 0
                && matches!(node.kind.as_str(), "source" | "seed")
                && !ends.contains(node.id.as_str())
        };
        let origins = self.lineage.nodes.iter().filter(is_origin);
        let origins: Vec<String> =
            origins.map(|node| format!("{} {}", node.kind, self.label(&node.id))).collect();
        if origins.is_empty() || self.lineage.of.column.is_some() {
            return String::new();
        }
        format!("\nbegins at\n  {}\n", list(&origins))
    }

    /// Who reads the node, and what of it.
    fn children(&self) -> String {
        let mut reads: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let of = &self.lineage.of.node;
        for link in self.lineage.links.iter().filter(|link| link.from.node == *of) {
            if !self.is_reader(&link.to.node) && link.to.node != *of {
                let what = link.from.column.as_deref().unwrap_or(match link.kind.as_str() {
                    "unknown" => NOBODY,
                    _ => ITS_ROWS,
                });
                reads.entry(&link.to.node).or_default().insert(what);
            }
        }
        let rows: Vec<(String, String)> = reads
            .into_iter()
            .map(|(id, mut what)| {
                if what.len() > 1 {
                    what.remove(ITS_ROWS);
                }
                let what: Vec<String> = what.into_iter().map(str::to_owned).collect();
                let what = list(&what).replace(NOBODY, "nobody knows what");
                (format!("  {}", self.label(id)), format!("reads {what}"))
            })
            .collect();
        if rows.is_empty() { String::new() } else { format!("\nread by\n{}", table(&rows)) }
    }

    /// Downstream nodes whose rows depend on it.
    fn decided(&self) -> String {
        let mut of: BTreeMap<(i64, &str), BTreeSet<String>> = BTreeMap::new();
        for link in &self.lineage.links {
            let node = self.nodes.get(link.to.node.as_str()).filter(|node| node.level > 0);
            if let Some(node) = node
                && link.to.column.is_none()
                && !self.is_reader(&link.to.node)
            {
                let said = match link.kind.as_str() {
                    "rows" => format!("rows of {}", self.label(&link.from.node)),
                    "unknown" => format!("may read anything of {}", self.label(&link.from.node)),
                    kind => format!("{kind}: {}", self.place(&link.from)),
                };
                of.entry((node.level, &node.id)).or_default().insert(said);
            }
        }
        let row = |((_, id), said): ((i64, &'a str), BTreeSet<String>)| {
            let said: Vec<String> = said.into_iter().collect();
            (format!("  {}", self.label(id)), list(&said))
        };
        let rows: Vec<(String, String)> = of.into_iter().map(row).collect();
        if rows.is_empty() {
            return String::new();
        }
        format!("\ndecides rows of\n{}", table(&rows))
    }

    /// Exposures, metrics, tests: what is declared over what was reached.
    fn readers(&self) -> String {
        let mut out = String::new();
        for (kind, title) in READERS {
            let mut rows = Vec::new();
            let of_kind = |node: &&&Node| node.kind == kind && node.level > 0;
            for node in self.lineage.nodes.iter().collect::<Vec<_>>().iter().filter(of_kind) {
                let links = self.lineage.links.iter().filter(|link| link.to.node == node.id);
                let through: BTreeSet<String> = links
                    .map(|link| match (&link.from.column, link.confidence.as_str()) {
                        (None, "likely") => {
                            format!("{} (which columns is not known)", self.label(&link.from.node))
                        }
                        _ => self.place(&link.from),
                    })
                    .collect();
                // What is said of a column need not be said of its node as well.
                let is_told = |name: &String| {
                    through.iter().any(|other| {
                        other.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
                    })
                };
                let through: Vec<String> =
                    through.iter().filter(|name| !is_told(name)).cloned().collect();
                rows.push((format!("  {}", self.label(&node.id)), list(&through)));
            }
            if !rows.is_empty() {
                let _infallible = write!(out, "\n{title}\n{}", table(&rows));
            }
        }
        let contracts: Vec<String> = self
            .lineage
            .nodes
            .iter()
            .filter(|node| node.contract && node.level >= 0)
            .filter_map(|node| {
                let on = node.columns.iter().filter(|column| column.on_the_way);
                let names: Vec<String> = on.map(|column| column.name.clone()).collect();
                (!names.is_empty())
                    .then(|| format!("  {}: {}\n", self.label(&node.id), list(&names)))
            })
            .collect();
        if !contracts.is_empty() {
            let _infallible = write!(out, "\ncontracts\n{}", contracts.concat());
        }
        out
    }

    fn unread(&self) -> String {
        let row = |unread: &'a super::wire::Unread| {
            (format!("  {}", self.label(&unread.node)), unread.why.replace('\n', " "))
        };
        let rows: Vec<(String, String)> = self.lineage.unread.iter().map(row).collect();
        if rows.is_empty() { String::new() } else { format!("\nnot understood\n{}", table(&rows)) }
    }
}

fn kinds(links: &[&Link]) -> Vec<String> {
    let kind = |link: &&Link| match link.confidence.as_str() {
        "certain" => link.kind.clone(),
        confidence => format!("{}, {confidence}", link.kind),
    };
    links.iter().map(kind).collect::<BTreeSet<_>>().into_iter().collect()
}

fn list(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(LISTED).map(String::as_str).collect();
    let more = names.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// Two columns, the second one aligned.
fn table(rows: &[(String, String)]) -> String {
    let width = |text: &String| text.chars().count();
    let widest = rows.iter().map(|(left, _)| width(left)).max().unwrap_or_default().min(60);
    let line = |(left, right): &(String, String)| {
        if right.is_empty() {
            return format!("{left}\n");
        }
        let gap = " ".repeat((widest + 2).saturating_sub(width(left)).max(2));
        format!("{left}{gap}{right}\n")
    };
    rows.iter().map(line).collect()
}
