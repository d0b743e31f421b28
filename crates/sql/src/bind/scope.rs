//! What a name can mean at one place of a query.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use sqlparser::ast;

use super::{Binder, unsupported};
use crate::plan::{Call, Col, Expr, Literal, WindowCall};
use crate::{Dialect, Unread};

/// The common table expressions in sight, the innermost first.
#[derive(Clone, Default)]
pub(super) struct Env<'q>(pub(super) Option<Rc<CteNode<'q>>>);

pub(super) struct CteNode<'q> {
    pub(super) name: String,
    pub(super) body: CteBody<'q>,
    pub(super) outer: Env<'q>,
    /// How many frames its body may see.
    pub(super) frames: usize,
}

pub(super) enum CteBody<'q> {
    Query {
        cte: &'q ast::Cte,
        is_recursive: bool,
    },
    /// The recursive query that is just being bound: name and type of each column.
    Itself(Vec<(String, Option<String>)>),
}

impl<'q> Env<'q> {
    pub(super) fn find(&self, name: &str) -> Option<&Rc<CteNode<'q>>> {
        let mut env = self;
        while let Some(node) = &env.0 {
            if node.name == name {
                return Some(node);
            }
            env = &node.outer;
        }
        None
    }
}

/// A column by its name; or, with `rest`, all columns that are not known.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) col: Col,
    pub(super) rest: Option<Rc<Rest>>,
}

/// Columns that are not known.
#[derive(Default)]
pub(super) struct Rest {
    /// The scan, by its own rest, that makes them unchanged; a name becomes a column of it.
    pub(super) scan: Option<Col>,
    /// Names that are not among them.
    pub(super) hidden: BTreeSet<String>,
}

impl Field {
    /// What DuckDB calls the columns of a query in FROM: the second `id` is `id_1`.
    pub(super) fn tell_apart(fields: &mut [Self], dialect: Dialect) {
        if dialect != Dialect::DuckDb {
            return;
        }
        let mut taken = BTreeSet::new();
        for field in fields.iter_mut().filter(|field| field.rest.is_none()) {
            let mut number = 0;
            let mut name = field.name.clone();
            while taken.contains(&name) {
                number += 1;
                name = format!("{}_{number}", field.name);
            }
            taken.insert(name.clone());
            field.name = name;
        }
    }

    pub(super) fn named(name: impl Into<String>, col: Col) -> Self {
        Self { name: name.into(), col, rest: None }
    }
}

/// Something in FROM.
#[derive(Clone)]
pub(super) struct Relation {
    /// The alias, or the parts of the table's name.
    pub(super) name: Vec<String>,
    pub(super) fields: Vec<Field>,
}

/// A column that a join took from both sides: USING, NATURAL.
#[derive(Clone)]
pub(super) struct Merged {
    pub(super) name: String,
    pub(super) col: Col,
    pub(super) parts: Vec<Col>,
}

#[derive(Clone, Default)]
pub(super) struct Scope {
    pub(super) relations: Vec<Relation>,
    pub(super) merged: Vec<Merged>,
}

impl Scope {
    pub(super) fn of(relation: Relation) -> Self {
        Self { relations: vec![relation], merged: Vec::new() }
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.relations.extend(other.relations);
        self.merged.extend(other.merged);
    }

    fn is_part(&self, col: Col) -> bool {
        self.merged.iter().any(|merged| merged.parts.contains(&col))
    }

    /// Every column that `*` means, in order: merged columns first, as the standard has it, or, in
    /// DuckDB, where the left side has them.
    pub(super) fn all(&self, dialect: Dialect) -> Vec<Field> {
        let named = |one: &Merged| Field::named(one.name.clone(), one.col);
        let fields = self.relations.iter().flat_map(|relation| &relation.fields);
        if dialect != Dialect::DuckDb {
            let plain = fields.filter(|field| !self.is_part(field.col)).cloned();
            return self.merged.iter().map(named).chain(plain).collect();
        }
        let mut given = BTreeSet::new();
        let mut found = Vec::new();
        for field in fields {
            match self.merged.iter().find(|one| one.parts.contains(&field.col)) {
                None => found.push(field.clone()),
                Some(one) if given.insert(one.col) => found.push(named(one)),
                Some(_) => (),
            }
        }
        found
    }

    /// The relations that a qualifier may mean.
    pub(super) fn qualified<'s>(
        &'s self,
        qualifier: &'s [String],
    ) -> impl Iterator<Item = &'s Relation> + 's {
        self.relations.iter().filter(move |relation| relation.name.ends_with(qualifier))
    }
}

/// One expression of a select list.
pub(super) struct Item<'q> {
    pub(super) name: String,
    /// It was given by the query, so that other clauses may use it.
    pub(super) is_alias: bool,
    pub(super) source: ItemSource<'q>,
    pub(super) rest: Option<Rc<Rest>>,
    /// Once bound.
    pub(super) expr: Option<Expr>,
    pub(super) is_being_bound: bool,
}

#[derive(Clone, Copy)]
pub(super) enum ItemSource<'q> {
    Ast(&'q ast::Expr),
    /// Made by a star.
    Column,
}

/// The clause that is being bound: it decides what may be said there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clause {
    From,
    /// The item's place in the select list.
    Select(usize),
    Where,
    GroupBy,
    Having,
    Qualify,
    OrderBy,
}

/// A column that is computed after grouping, in the order in which it must be.
pub(super) enum Step {
    Extend(Col, Expr),
    Window(Col, WindowCall),
    /// A function in the select list that makes rows.
    Rows(Col, Call),
}

/// One SELECT while it is bound.
pub(super) struct Frame<'q> {
    pub(super) env: Env<'q>,
    pub(super) scope: Scope,
    pub(super) clause: Clause,
    pub(super) items: Vec<Item<'q>>,
    pub(super) aliases: HashMap<String, usize>,
    pub(super) windows: &'q [ast::NamedWindowDefinition],
    /// Columns computed before grouping.
    pub(super) early: Vec<(Col, Expr)>,
    pub(super) measures: Vec<(Col, Call)>,
    pub(super) steps: Vec<Step>,
    /// Columns of `measures` and `steps`.
    pub(super) late: HashSet<Col>,
    /// Columns of relations of this frame that were named.
    pub(super) named: HashSet<Col>,
    pub(super) lambdas: Vec<Vec<String>>,
    /// Arguments of an aggregate are being bound.
    pub(super) is_in_aggregate: bool,
    /// The name that is being bound is all there is of its expression.
    pub(super) is_bare: bool,
    /// A query in FROM that is not lateral is being bound: it does not see this frame.
    pub(super) is_hidden: bool,
    /// A query inside has read a column of this frame.
    pub(super) is_read_inside: bool,
}

impl<'q> Frame<'q> {
    pub(super) fn new(env: Env<'q>) -> Self {
        Self {
            env,
            scope: Scope::default(),
            clause: Clause::From,
            items: Vec::new(),
            aliases: HashMap::new(),
            windows: &[],
            early: Vec::new(),
            measures: Vec::new(),
            steps: Vec::new(),
            late: HashSet::new(),
            named: HashSet::new(),
            lambdas: Vec::new(),
            is_in_aggregate: false,
            is_bare: false,
            is_hidden: false,
            is_read_inside: false,
        }
    }
}

/// What a name was found to mean.
enum Found {
    Expr(Expr),
    /// No table has it, but this one may, for all that is known; nothing else may.
    Open(Field),
}

impl<'q> Binder<'q> {
    pub(super) fn frame(&mut self) -> &mut Frame<'q> {
        if self.frames.is_empty() {
            self.frames.push(Frame::new(Env::default()));
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// What a dotted name means: a column, an alias, a field of a column, a whole row.
    pub(super) fn name(&mut self, idents: &[ast::Ident]) -> Result<Expr, Unread> {
        let parts: Vec<String> = idents.iter().map(|ident| self.fold(ident)).collect();
        if let Some(parameter) = self.lambda_parameter(&parts) {
            return Ok(parameter);
        }
        if let [name] = parts.as_slice()
            && let Some(expr) = self.alias_before_column(name)?
        {
            return Ok(expr);
        }
        for level in (0..self.frames.len()).rev() {
            if self.frames[level].is_hidden {
                continue;
            }
            let is_here = level + 1 == self.frames.len();
            if let Some(found) = self.find(level, &parts, is_here)? {
                if !is_here {
                    self.frames[level].is_read_inside = true;
                }
                return Ok(found);
            }
        }
        if let [ident] = idents
            && ident.quote_style.is_none()
            && let Some(call) = super::names::word_function(&ident.value)
        {
            return Ok(call);
        }
        no_such(&parts)
    }

    fn lambda_parameter(&mut self, parts: &[String]) -> Option<Expr> {
        let (first, fields) = parts.split_first()?;
        let lambdas = &self.frame().lambdas;
        let (level, place) = lambdas.iter().enumerate().rev().find_map(|(level, names)| {
            names.iter().position(|name| name == first).map(|place| (level, place))
        })?;
        let parameter = Expr::Literal(Literal::Parameter(format!("lambda {level}.{place}")));
        Some(fields_of(parameter, fields))
    }

    /// What a name means in one frame.
    fn find(
        &mut self,
        level: usize,
        parts: &[String],
        is_here: bool,
    ) -> Result<Option<Expr>, Unread> {
        // The longest qualifier that is a relation wins over a field of a column.
        for split in (1..parts.len()).rev() {
            let (qualifier, fields) = parts.split_at(split);
            let Some((name, fields)) = fields.split_first() else { continue };
            if let Some(found) = self.find_qualified(level, qualifier, name)? {
                let found = self.take(level, found, name, false)?;
                return Ok(Some(fields_of(found, fields)));
            }
        }
        let Some((name, fields)) = parts.split_first() else { return Ok(None) };
        let known = self.find_plain(level, name)?;
        if is_here && fields.is_empty() {
            let is_open = matches!(known, Some(Found::Open(_)));
            if (known.is_none() || is_open)
                && let Some(expr) = self.alias_after_column(name)?
            {
                // The alias's own expression may have shown that the column is there.
                return match self.find_plain(level, name)? {
                    Some(found @ Found::Expr(_)) => self.take(level, found, name, false).map(Some),
                    _ => Ok(Some(expr)),
                };
            }
        }
        // A whole row, before a column that only might be there.
        if !matches!(known, Some(Found::Expr(_)))
            && fields.is_empty()
            && let Some(row) = self.row(level, name)
        {
            return Ok(Some(row));
        }
        match known {
            Some(found) => {
                let found = self.take(level, found, name, true)?;
                Ok(Some(fields_of(found, fields)))
            }
            None => Ok(None),
        }
    }

    fn find_qualified(
        &self,
        level: usize,
        qualifier: &[String],
        name: &str,
    ) -> Result<Option<Found>, Unread> {
        let scope = &self.frames[level].scope;
        let mut relations = scope.qualified(qualifier);
        let Some(relation) = relations.next() else { return Ok(None) };
        if relations.next().is_some() {
            return unsupported(format!("`{}` names more than one relation", qualifier.join(".")));
        }
        self.among(relation.fields.iter(), name)
    }

    fn find_plain(&self, level: usize, name: &str) -> Result<Option<Found>, Unread> {
        let scope = &self.frames[level].scope;
        let merged = scope.merged.iter().filter(|merged| merged.name == name);
        let merged: Vec<Field> = merged.map(|one| Field::named(name, one.col)).collect();
        let fields = scope
            .relations
            .iter()
            .flat_map(|relation| &relation.fields)
            .filter(|field| !(field.name == name && scope.is_part(field.col)));
        if merged.is_empty() {
            self.among(fields, name)
        } else {
            let known = fields.filter(|field| field.rest.is_none() && field.name == name);
            self.among(merged.iter().chain(known), name)
        }
    }

    /// The one of these fields that a name means.
    fn among<'f>(
        &self,
        fields: impl Iterator<Item = &'f Field>,
        name: &str,
    ) -> Result<Option<Found>, Unread> {
        let mut known: Option<Col> = None;
        let mut open: Vec<&Field> = Vec::new();
        for field in fields {
            match &field.rest {
                None if field.name == name => match known {
                    Some(other) if other != field.col => {
                        return unsupported(format!(
                            "the column `{name}` is in more than one relation"
                        ));
                    }
                    _ => known = Some(field.col),
                },
                Some(rest)
                    if !rest.hidden.contains(name)
                        && !open.iter().any(|other| other.col == field.col) =>
                {
                    open.push(field);
                }
                _ => (),
            }
        }
        if let Some(col) = known {
            return Ok(Some(Found::Expr(Expr::Column(col))));
        }
        // Fields of what is unnested are rarely named without it.
        if open.iter().any(|field| is_of_scan(field)) {
            open.retain(|field| is_of_scan(field));
        }
        // A column that the query names elsewhere in the only table that can have it is there.
        let mut named = open.iter().filter_map(|field| {
            let scan = self.open.get(&field.rest.as_ref()?.scan?)?;
            let column = scan.columns.iter().find(|(column, _)| column == name)?;
            (!scan.guessed.contains(&column.1)).then_some(column.1)
        });
        match (open.as_slice(), named.next(), named.next()) {
            ([], ..) => Ok(None),
            (_, Some(col), None) => Ok(Some(Found::Expr(Expr::Column(col)))),
            ([one], ..) => Ok(Some(Found::Open((*one).clone()))),
            _ => unsupported(format!(
                "the column `{name}` may be in more than one relation: their columns are not known"
            )),
        }
    }

    /// A column by its name alone, in what the innermost frame reads.
    pub(super) fn plain_column(&mut self, name: &str) -> Result<Option<Expr>, Unread> {
        let level = self.frames.len().saturating_sub(1);
        match self.find_plain(level, name)? {
            Some(found) => self.take(level, found, name, false).map(Some),
            None => Ok(None),
        }
    }

    fn take(
        &mut self,
        level: usize,
        found: Found,
        name: &str,
        is_guess: bool,
    ) -> Result<Expr, Unread> {
        let expr = match found {
            Found::Expr(expr) => expr,
            Found::Open(field) => self.column_of_rest(&field, name, is_guess)?,
        };
        if let Expr::Column(col) = &expr {
            self.frames[level].named.insert(*col);
        }
        Ok(expr)
    }

    /// A column by its name among columns that are not known.
    pub(super) fn column_of_rest(
        &mut self,
        field: &Field,
        name: &str,
        is_guess: bool,
    ) -> Result<Expr, Unread> {
        self.spend(1)?;
        let Some(scan) = field.rest.as_ref().and_then(|rest| rest.scan) else {
            let name = Expr::Literal(Literal::Text(name.to_owned()));
            let parts = vec![Expr::Column(field.col), name];
            return Ok(Expr::Compound { what: "column".to_owned(), parts });
        };
        let known = self.open.get(&scan).and_then(|open| {
            open.columns.iter().find(|(column, _)| column == name).map(|(_, col)| *col)
        });
        let col = match known {
            Some(col) => col,
            None => self.col(None)?,
        };
        if let Some(open) = self.open.get_mut(&scan) {
            if known.is_none() {
                open.columns.push((name.to_owned(), col));
                if is_guess {
                    open.guessed.insert(col);
                }
            } else if !is_guess {
                open.guessed.remove(&col);
            }
        }
        Ok(Expr::Column(col))
    }

    /// A relation's name where a column's could stand: its whole row.
    fn row(&mut self, level: usize, name: &String) -> Option<Expr> {
        let scope = &self.frames[level].scope;
        let fields: Vec<Field> = scope.qualified(std::slice::from_ref(name)).next()?.fields.clone();
        let mut parts = Vec::with_capacity(fields.len());
        for field in &fields {
            self.read_rest(field);
            self.frames[level].named.insert(field.col);
            parts.push(Expr::Column(field.col));
        }
        Some(Expr::Compound { what: "row".to_owned(), parts })
    }
}

fn no_such<T>(parts: &[String]) -> Result<T, Unread> {
    unsupported(format!("the column `{}` is in no relation that is read", parts.join(".")))
}

fn is_of_scan(field: &Field) -> bool {
    field.rest.as_ref().is_some_and(|rest| rest.scan.is_some())
}

/// `column.field.field`.
pub(super) fn fields_of(root: Expr, fields: &[String]) -> Expr {
    fields.iter().fold(root, |operand, field| {
        let field = Expr::Literal(Literal::Text(field.clone()));
        Expr::Compound { what: "field".to_owned(), parts: vec![operand, field] }
    })
}
