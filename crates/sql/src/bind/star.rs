//! Select lists: `*` written out, and the names of what is selected.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use sqlparser::ast::{
    self, ExcludeSelectItem, ObjectName, RenameSelectItem, SelectItem,
    SelectItemQualifiedWildcardKind,
};

use super::expr::{compound, text};
use super::scope::{Field, Item, ItemSource, Rest};
use super::{Binder, unsupported};
use crate::Unread;
use crate::plan::Expr;

/// What a star leaves out, gives another name or another expression.
#[derive(Default)]
struct Changes<'q> {
    without: BTreeSet<String>,
    renamed: BTreeMap<String, String>,
    replaced: BTreeMap<String, &'q ast::Expr>,
    like: Option<String>,
}

impl<'q> Binder<'q> {
    /// The items of a select list; `exclude` is what stands behind the whole list.
    pub(super) fn items(&mut self, projection: &'q [SelectItem]) -> Result<Vec<Item<'q>>, Unread> {
        let mut items = Vec::with_capacity(projection.len());
        let mut unnamed = 0_usize;
        for select in projection {
            match select {
                SelectItem::UnnamedExpr(expr) => {
                    if !matches!(expr, ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_))
                    {
                        unnamed += 1;
                    }
                    if let Some(columns) = self.columns_function(expr)? {
                        items.extend(columns);
                        continue;
                    }
                    let name = self.implied_name(expr, unnamed.saturating_sub(1));
                    items.push(item(name, false, ItemSource::Ast(expr)));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    items.push(item(self.fold(alias), true, ItemSource::Ast(expr)));
                }
                SelectItem::ExprWithAliases { .. } => {
                    return unsupported("an expression with several aliases is not understood");
                }
                SelectItem::Wildcard(options) => {
                    let fields = self.all();
                    self.star(fields, options, &mut items)?;
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    let fields = self.fields_of_relation(name)?;
                    self.star(fields, options, &mut items)?;
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _) => {
                    return unsupported("the fields of an expression are not known");
                }
            }
        }
        Ok(items)
    }

    /// DuckDB's `COLUMNS(…)`: only where it is all there is can it be written out.
    fn columns_function(&mut self, expr: &'q ast::Expr) -> Result<Option<Vec<Item<'q>>>, Unread> {
        let ast::Expr::Function(function) = expr else { return Ok(None) };
        if self.dialect != crate::Dialect::DuckDb
            || !function.name.to_string().eq_ignore_ascii_case("columns")
        {
            return Ok(None);
        }
        unsupported("COLUMNS(…) is not understood")
    }

    fn fields_of_relation(&mut self, name: &ObjectName) -> Result<Vec<Field>, Unread> {
        let qualifier = self.table_name(name)?.0;
        for level in (0..self.frames.len()).rev() {
            let mut relations = self.frames[level].scope.qualified(&qualifier);
            match (relations.next(), relations.next()) {
                (None, _) => (),
                (Some(one), None) => return Ok(one.fields.clone()),
                _ => return unsupported(format!("`{name}` names more than one relation")),
            }
        }
        unsupported(format!("`{name}` is no relation here"))
    }

    fn star(
        &mut self,
        fields: Vec<Field>,
        options: &'q ast::WildcardAdditionalOptions,
        items: &mut Vec<Item<'q>>,
    ) -> Result<(), Unread> {
        if fields.is_empty() {
            return unsupported("`*` stands where nothing is read");
        }
        let changes = self.changes(options)?;
        let mut used = BTreeSet::new();
        for field in fields {
            self.spend(1)?;
            if field.rest.is_some() {
                items.push(self.star_rest(&field, &changes)?);
                continue;
            }
            if let Some(pattern) = &changes.like
                && !is_like(&field.name, pattern)
            {
                continue;
            }
            if changes.without.contains(&field.name) {
                used.insert(field.name);
                continue;
            }
            self.frame().named.insert(field.col);
            let name = changes.renamed.get(&field.name).unwrap_or(&field.name).clone();
            let mut one = match changes.replaced.get(&field.name) {
                Some(expr) => item(name, true, ItemSource::Ast(expr)),
                None => item(name, false, ItemSource::Column),
            };
            if !changes.replaced.contains_key(&field.name) {
                one.expr = Some(Expr::Column(field.col));
            }
            items.push(one);
        }
        Ok(())
    }

    fn changes(
        &mut self,
        options: &'q ast::WildcardAdditionalOptions,
    ) -> Result<Changes<'q>, Unread> {
        let ast::WildcardAdditionalOptions {
            wildcard_token: _,
            opt_ilike,
            opt_exclude,
            opt_except,
            opt_replace,
            opt_rename,
            opt_alias,
        } = options;
        if opt_alias.is_some() {
            return unsupported("a `*` with an alias is not understood");
        }
        let mut changes = Changes {
            like: opt_ilike.as_ref().map(|one| one.pattern.clone()),
            ..Changes::default()
        };
        if let Some(exclude) = opt_exclude {
            changes.without.extend(self.excluded(exclude)?);
        }
        if let Some(ast::ExceptSelectItem { first_element, additional_elements }) = opt_except {
            let names = std::iter::once(first_element).chain(additional_elements);
            changes.without.extend(names.map(|ident| self.fold(ident)));
        }
        if let Some(ast::ReplaceSelectItem { items }) = opt_replace {
            for replace in items {
                let ast::ReplaceSelectElement { expr, column_name, as_keyword: _ } = &**replace;
                changes.replaced.insert(self.fold(column_name), expr);
            }
        }
        match opt_rename {
            None => (),
            Some(RenameSelectItem::Single(one)) => {
                changes.renamed.insert(self.fold(&one.ident), self.fold(&one.alias));
            }
            Some(RenameSelectItem::Multiple(many)) => {
                for one in many {
                    changes.renamed.insert(self.fold(&one.ident), self.fold(&one.alias));
                }
            }
        }
        Ok(changes)
    }

    pub(super) fn excluded(&self, exclude: &ExcludeSelectItem) -> Result<Vec<String>, Unread> {
        let names: Vec<&ObjectName> = match exclude {
            ExcludeSelectItem::Single(name) => vec![name],
            ExcludeSelectItem::Multiple(names) => names.iter().collect(),
        };
        let last = |name| Ok(self.table_name(name)?.0.pop().unwrap_or_default());
        names.into_iter().map(last).collect()
    }

    /// `*` over columns that are not known.
    fn star_rest(&mut self, field: &Field, changes: &Changes<'q>) -> Result<Item<'q>, Unread> {
        let Changes { without, renamed, replaced, like } = changes;
        if !renamed.is_empty() || !replaced.is_empty() || like.is_some() {
            return unsupported(
                "the columns are not known of which a `*` renames or replaces some",
            );
        }
        self.read_rest(field);
        self.frame().named.insert(field.col);
        let known = field.rest.as_deref();
        let mut rest = Rest {
            scan: known.and_then(|rest| rest.scan),
            hidden: known.map(|rest| rest.hidden.clone()).unwrap_or_default(),
        };
        rest.hidden.extend(without.iter().cloned());
        let expr = if without.is_empty() {
            Expr::Column(field.col)
        } else {
            let mut parts = vec![Expr::Column(field.col)];
            parts.extend(without.iter().map(text));
            compound("* without", parts)
        };
        let mut item = item("*".to_owned(), false, ItemSource::Column);
        item.rest = Some(Rc::new(rest));
        item.expr = Some(expr);
        Ok(item)
    }
}

fn item(name: String, is_alias: bool, source: ItemSource<'_>) -> Item<'_> {
    Item { name, is_alias, source, rest: None, expr: None, is_being_bound: false }
}

/// `ILIKE` of a name, with `%` and `_`.
fn is_like(name: &str, pattern: &str) -> bool {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let mut reach = vec![false; name.len() + 1];
    reach[0] = true;
    for letter in pattern {
        let mut next = vec![false; name.len() + 1];
        if letter == '%' {
            let mut seen = false;
            for (at, is_here) in reach.iter().enumerate() {
                seen |= is_here;
                next[at] = seen;
            }
        } else {
            for at in 0..name.len() {
                next[at + 1] = reach[at] && (letter == '_' || letter == name[at]);
            }
        }
        reach = next;
    }
    reach[name.len()]
}
