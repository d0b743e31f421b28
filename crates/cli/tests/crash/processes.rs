//! Who runs on this machine, by `/proc`.

use std::fs;
use std::path::Path;

/// What `/proc` says of a process that is not a corpse.
#[derive(Debug)]
struct Living {
    id: u32,
    parent: u32,
    group: u32,
}

fn living() -> Vec<Living> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(look).collect()
}

/// Nothing of a process that went away in the meantime.
fn look(id: u32) -> Option<Living> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in brackets and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = words.next()?;
    let mut number = || words.next()?.parse().ok();
    let (parent, group) = (number()?, number()?);
    (!matches!(state, "Z" | "X")).then_some(Living { id, parent, group })
}

/// The children of `parent`: each leads a group of its own.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    living().iter().filter(|one| one.parent == parent).map(|one| one.id).collect()
}

pub(crate) fn has_children(parent: u32) -> bool {
    fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))
        .is_ok_and(|children| !children.trim().is_empty())
}

pub(crate) fn any_of_groups(groups: &[u32]) -> bool {
    !groups.is_empty() && living().iter().any(|one| groups.contains(&one.group))
}

/// Processes that work in `folder`.
pub(crate) fn below(folder: &Path) -> Vec<u32> {
    let works_there = |one: &Living| {
        fs::read_link(format!("/proc/{}/cwd", one.id)).is_ok_and(|place| place.starts_with(folder))
    };
    living().iter().filter(|one| works_there(one)).map(|one| one.id).collect()
}
