//! Where a clause may use a name that the select list gives.

use super::Binder;
use super::scope::{Clause, Step};
use super::unsupported;
use crate::Dialect;
use crate::plan::Expr;
use crate::{Unread, walk};

/// An alias's expression of up to this many parts is written out wherever the alias is used.
const WRITTEN_OUT: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AliasUse {
    Never,
    /// A column of that name wins.
    AfterColumn,
    /// The alias wins.
    BeforeColumn,
}

/// `is_bare`: the name is all there is of the expression.
pub(super) fn alias_use(dialect: Dialect, clause: Clause, is_bare: bool) -> AliasUse {
    use AliasUse::{AfterColumn, BeforeColumn, Never};
    let is_standard = matches!(dialect, Dialect::Postgres);
    match clause {
        Clause::From => Never,
        Clause::OrderBy if is_bare => BeforeColumn,
        Clause::GroupBy if is_bare => AfterColumn,
        _ if is_standard => Never,
        // The query itself refuses them elsewhere.
        Clause::Where if matches!(dialect, Dialect::BigQuery | Dialect::Databricks) => Never,
        Clause::Select(_)
        | Clause::Where
        | Clause::GroupBy
        | Clause::Having
        | Clause::Qualify
        | Clause::OrderBy => AfterColumn,
    }
}

impl Binder<'_> {
    pub(super) fn alias_before_column(&mut self, name: &str) -> Result<Option<Expr>, Unread> {
        self.alias(name, AliasUse::BeforeColumn)
    }

    pub(super) fn alias_after_column(&mut self, name: &str) -> Result<Option<Expr>, Unread> {
        self.alias(name, AliasUse::AfterColumn)
    }

    fn alias(&mut self, name: &str, wanted: AliasUse) -> Result<Option<Expr>, Unread> {
        let dialect = self.dialect;
        let frame = self.frame();
        if alias_use(dialect, frame.clause, frame.is_bare) != wanted {
            return Ok(None);
        }
        let Some(place) = frame.aliases.get(name).copied() else { return Ok(None) };
        if let Clause::Select(here) = frame.clause
            && place >= here
        {
            return Ok(None);
        }
        if frame.items.get(place).is_none_or(|item| item.is_being_bound || item.rest.is_some()) {
            return Ok(None);
        }
        self.item(place)?;
        self.use_item(place).map(Some)
    }

    /// What the select list has at a place, where another clause uses it.
    pub(super) fn use_item(&mut self, place: usize) -> Result<Expr, Unread> {
        self.item(place)?;
        let frame = self.frame();
        let (clause, is_in_aggregate) = (frame.clause, frame.is_in_aggregate);
        let Some(expr) = frame.items.get(place).and_then(|item| item.expr.clone()) else {
            return unsupported(format!("there is no column number {}", place + 1));
        };
        let is_late = walk::columns(&expr).iter().any(|col| frame.late.contains(col));
        if is_late
            && (is_in_aggregate || matches!(clause, Clause::Where | Clause::GroupBy | Clause::From))
        {
            return unsupported("an aggregate or a window is used before it is computed");
        }
        let size = walk::size(&expr);
        self.spend(size)?;
        if size <= WRITTEN_OUT {
            return Ok(expr);
        }
        let data_type = self.type_of(&expr);
        let col = self.col(data_type)?;
        let frame = self.frame();
        if is_late {
            frame.steps.push(Step::Extend(col, expr));
            frame.late.insert(col);
        } else {
            frame.early.push((col, expr));
        }
        if let Some(item) = frame.items.get_mut(place) {
            item.expr = Some(Expr::Column(col));
        }
        Ok(Expr::Column(col))
    }
}
