//! What is left to build and to test once the spared nodes are taken out.

use std::collections::BTreeSet;

use belay_dbt::NodeId;
use belay_dbt::scope::{Reason, Selection};

use super::{Change, Meanings};

/// dbt's selection without the nodes that cannot see the change, and without tests of what is not
/// built, unless the tests themselves changed.
pub(super) fn selection(change: &Change<'_>, found: &Meanings) -> Selection {
    let scope = change.scope;
    let needs = |id: &NodeId| scope.reasons(id).any(Reason::needs_build);
    let spared: BTreeSet<&NodeId> = found.spared.iter().map(|one| &one.node).collect();
    // Nothing is left out that is not proved to be harmless.
    let is_due = |id: &NodeId| needs(id) || !spared.contains(id);
    let build: Vec<NodeId> =
        { scope.selection.build.iter() }.filter(|id| is_due(id)).cloned().collect();
    let touched = |id: &NodeId| {
        let of_data = scope.affected.contains_key(id) || needs(id);
        of_data && is_due(id)
    };
    let test = { scope.selection.test.iter() }.filter(|id| {
        let changed =
            scope.reasons(id).any(|reason| reason.touches_data() || *reason == Reason::Test);
        changed || change.head.parents(id).any(|parent| touched(&parent.id))
    });
    let test = test.cloned().collect();
    Selection { build, test }
}
