//! Expressions.

use sqlparser::ast::{self, AccessExpr, Expr as Ast, Subscript};

use super::scope::{Env, Frame, fields_of};
use super::{Binder, types, unsupported};
use crate::Unread;
use crate::plan::{Expr, Literal, Subquery, SubqueryKind};

pub(super) fn binary(operator: impl Into<String>, left: Expr, right: Expr) -> Expr {
    Expr::Binary { operator: operator.into(), left: Box::new(left), right: Box::new(right) }
}

pub(super) fn unary(operator: &str, operand: Expr) -> Expr {
    Expr::Unary { operator: operator.to_owned(), operand: Box::new(operand) }
}

pub(super) fn compound(what: impl Into<String>, parts: Vec<Expr>) -> Expr {
    Expr::Compound { what: what.into(), parts }
}

pub(super) fn text(value: impl Into<String>) -> Expr {
    Expr::Literal(Literal::Text(value.into()))
}

fn begins_with_constant(mut expr: &Ast) -> bool {
    while let Ast::BinaryOp { left, .. } = expr {
        expr = left;
    }
    matches!(expr, Ast::Value(_))
}

impl<'q> Binder<'q> {
    pub(super) fn exprs<'e>(
        &mut self,
        exprs: impl IntoIterator<Item = &'e Ast>,
    ) -> Result<Vec<Expr>, Unread>
    where
        'q: 'e,
        'e: 'q,
    {
        exprs.into_iter().map(|expr| self.expr(expr)).collect()
    }

    pub(super) fn expr(&mut self, expr: &'q Ast) -> Result<Expr, Unread> {
        self.spend(1)?;
        self.deeper(|binder| binder.expr_here(expr))
    }

    fn unary(&mut self, operator: &str, operand: &'q Ast) -> Result<Expr, Unread> {
        Ok(unary(operator, self.expr(operand)?))
    }

    fn parts(&mut self, what: &str, parts: &[&'q Ast]) -> Result<Expr, Unread> {
        let parts = parts.iter().map(|part| self.expr(part)).collect::<Result<_, _>>()?;
        Ok(compound(what, parts))
    }

    /// `negated` of an expression that says yes or no.
    fn negate(negated: bool, expr: Expr) -> Expr {
        if negated { unary("not", expr) } else { expr }
    }

    fn expr_here(&mut self, expr: &'q Ast) -> Result<Expr, Unread> {
        match expr {
            Ast::Identifier(ident) => self.name(std::slice::from_ref(ident)),
            Ast::CompoundIdentifier(idents) => self.name(idents),
            Ast::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain),
            Ast::JsonAccess { value, path } => self.json_access(value, path),
            Ast::IsFalse(operand) => self.unary("is false", operand),
            Ast::IsNotFalse(operand) => self.unary("is not false", operand),
            Ast::IsTrue(operand) => self.unary("is true", operand),
            Ast::IsNotTrue(operand) => self.unary("is not true", operand),
            Ast::IsNull(operand) => self.unary("is null", operand),
            Ast::IsNotNull(operand) => self.unary("is not null", operand),
            Ast::IsUnknown(operand) => self.unary("is unknown", operand),
            Ast::IsNotUnknown(operand) => self.unary("is not unknown", operand),
            Ast::IsDistinctFrom(left, right) => {
                Ok(binary("is distinct from", self.expr(left)?, self.expr(right)?))
            }
            Ast::IsNotDistinctFrom(left, right) => {
                Ok(binary("is not distinct from", self.expr(left)?, self.expr(right)?))
            }
            Ast::IsJson { expr, kind, unique_keys, negated } => {
                let kind = kind.as_ref().map(|kind| format!(" {kind}")).unwrap_or_default();
                let keys = unique_keys.as_ref().map(|keys| format!(" {keys}")).unwrap_or_default();
                let what = format!("is json{kind}{keys}").to_lowercase();
                Ok(Self::negate(*negated, compound(what, vec![self.expr(expr)?])))
            }
            Ast::IsNormalized { expr, form, negated } => {
                let form = form.as_ref().map(|form| format!(" {form}")).unwrap_or_default();
                let what = format!("is normalized{form}").to_lowercase();
                Ok(Self::negate(*negated, compound(what, vec![self.expr(expr)?])))
            }
            Ast::InList { expr, list, negated } => {
                let operand = Box::new(self.expr(expr)?);
                Ok(Expr::In { operand, list: self.exprs(list)?, negated: *negated })
            }
            Ast::InSubquery { expr, subquery, negated } => {
                let operands = match &**expr {
                    Ast::Tuple(parts) => self.exprs(parts)?,
                    one => vec![self.expr(one)?],
                };
                self.subquery(SubqueryKind::In { negated: *negated }, subquery, operands)
            }
            Ast::InUnnest { expr, array_expr, negated } => {
                Ok(Self::negate(*negated, self.parts("in unnest", &[expr, array_expr])?))
            }
            Ast::Between { expr, negated, low, high } => {
                let operand = self.expr(expr)?;
                let low = binary(">=", operand.clone(), self.expr(low)?);
                let high = binary("<=", operand, self.expr(high)?);
                Ok(Self::negate(*negated, binary("and", low, high)))
            }
            Ast::BinaryOp { left, op, right } => self.binary_op(left, op, right),
            Ast::Like { negated, any, expr, pattern, escape_char } => {
                self.like("like", *negated, *any, expr, pattern, escape_char.as_deref())
            }
            Ast::ILike { negated, any, expr, pattern, escape_char } => {
                self.like("ilike", *negated, *any, expr, pattern, escape_char.as_deref())
            }
            Ast::SimilarTo { negated, expr, pattern, escape_char } => {
                self.like("similar to", *negated, false, expr, pattern, escape_char.as_deref())
            }
            Ast::RLike { negated, expr, pattern, regexp: _ } => {
                self.like("rlike", *negated, false, expr, pattern, None)
            }
            Ast::AnyOp { left, compare_op, right, is_some: _ } => {
                self.quantified(left, compare_op, "any", right)
            }
            Ast::AllOp { left, compare_op, right } => {
                self.quantified(left, compare_op, "all", right)
            }
            Ast::UnaryOp { op, expr } => self.unary_op(*op, expr),
            Ast::Convert { is_try, expr, data_type, charset, target_before_value, styles } => self
                .convert(
                    *is_try,
                    expr,
                    data_type.as_ref(),
                    charset.as_ref(),
                    styles,
                    *target_before_value,
                ),
            Ast::Cast { kind, expr, data_type, format } => {
                let is_try = match kind {
                    ast::CastKind::TryCast | ast::CastKind::SafeCast => true,
                    ast::CastKind::Cast | ast::CastKind::DoubleColon => false,
                };
                let operand = Box::new(self.expr(expr)?);
                let mut data_type = types::canonical(data_type, self.dialect);
                if let Some(format) = format {
                    data_type = format!("{data_type} {format}");
                }
                Ok(Expr::Cast { operand, data_type, is_try })
            }
            Ast::AtTimeZone { timestamp, time_zone } => {
                self.parts("at time zone", &[timestamp, time_zone])
            }
            Ast::Extract { field, syntax: _, expr } => {
                self.parts(&format!("extract {field}").to_lowercase(), &[expr])
            }
            Ast::Ceil { expr, field } => self.rounded("ceil", expr, field),
            Ast::Floor { expr, field } => self.rounded("floor", expr, field),
            Ast::Position { expr, r#in } => self.plain_call("position", &[expr, r#in]),
            Ast::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
                match (substring_from, substring_for) {
                    (Some(from), Some(count)) => self.plain_call("substring", &[expr, from, count]),
                    (Some(from), None) => self.plain_call("substring", &[expr, from]),
                    (None, Some(count)) => self.parts("substring for", &[expr, count]),
                    (None, None) => self.plain_call("substring", &[expr]),
                }
            }
            Ast::Trim { trim_where, trim_what, expr, trim_characters } => {
                self.trim(trim_where.as_ref(), trim_what.as_deref(), expr, trim_characters.as_ref())
            }
            Ast::Overlay { expr, overlay_what, overlay_from, overlay_for } => match overlay_for {
                Some(count) => self.parts("overlay", &[expr, overlay_what, overlay_from, count]),
                None => self.parts("overlay", &[expr, overlay_what, overlay_from]),
            },
            Ast::Collate { expr, collation } => {
                self.parts(&format!("collate {collation}").to_lowercase(), &[expr])
            }
            Ast::Nested(inner) => self.expr(inner),
            Ast::Value(value) => Self::literal(&value.value),
            Ast::Prefixed { prefix, value } => {
                self.parts(&format!("prefix {}", prefix.value.to_lowercase()), &[value])
            }
            Ast::TypedString(ast::TypedString { data_type, value, uses_odbc_syntax: _ }) => {
                let data_type = types::canonical(data_type, self.dialect);
                match Self::literal(&value.value)? {
                    Expr::Literal(Literal::Text(value)) => {
                        Ok(Expr::Literal(Literal::Typed(data_type, value)))
                    }
                    other => Ok(compound(format!("typed {data_type}"), vec![other])),
                }
            }
            Ast::Function(function) => self.function(function),
            Ast::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                let operand = operand.as_deref().map(|operand| self.expr(operand)).transpose()?;
                let mut branches = Vec::with_capacity(conditions.len());
                for ast::CaseWhen { condition, result } in conditions {
                    branches.push((self.expr(condition)?, self.expr(result)?));
                }
                let otherwise = else_result.as_deref().map(|other| self.expr(other)).transpose()?;
                Ok(Expr::Case {
                    operand: operand.map(Box::new),
                    branches,
                    otherwise: otherwise.map(Box::new),
                })
            }
            Ast::Exists { subquery, negated } => {
                self.subquery(SubqueryKind::Exists { negated: *negated }, subquery, Vec::new())
            }
            Ast::Subquery(query) => self.subquery(SubqueryKind::Scalar, query, Vec::new()),
            Ast::GroupingSets(_) | Ast::Cube(_) | Ast::Rollup(_) => {
                unsupported("grouping sets stand outside GROUP BY")
            }
            Ast::Tuple(parts) => Ok(compound("tuple", self.exprs(parts)?)),
            Ast::Struct { values, fields } => {
                let types: Vec<String> = fields.iter().map(|field| format!(" {field}")).collect();
                let what = format!("struct{}", types.join(",")).to_lowercase();
                let mut parts = Vec::with_capacity(values.len());
                for value in values {
                    parts.push(self.struct_part(value)?);
                }
                Ok(compound(what, parts))
            }
            Ast::Named { expr, name } => self.parts(&format!("name {}", self.fold(name)), &[expr]),
            Ast::Dictionary(fields) => {
                let mut parts = Vec::with_capacity(fields.len() * 2);
                for ast::DictionaryField { key, value } in fields {
                    parts.push(text(key.value.clone()));
                    parts.push(self.expr(value)?);
                }
                Ok(compound("dictionary", parts))
            }
            Ast::Map(ast::Map { entries }) => {
                let mut parts = Vec::with_capacity(entries.len() * 2);
                for ast::MapEntry { key, value } in entries {
                    parts.push(self.expr(key)?);
                    parts.push(self.expr(value)?);
                }
                Ok(compound("map", parts))
            }
            Ast::Array(ast::Array { elem, named: _ }) => Ok(compound("array", self.exprs(elem)?)),
            Ast::Interval(interval) => self.interval(interval),
            Ast::MatchAgainst { .. } => unsupported("MATCH … AGAINST is not understood"),
            Ast::Wildcard(_) | Ast::QualifiedWildcard(..) => {
                unsupported("a `*` stands where a value should")
            }
            Ast::OuterJoin(_) => unsupported("the `(+)` of an outer join is not understood"),
            Ast::Prior(_) => unsupported("PRIOR is not understood"),
            Ast::Lambda(lambda) => self.lambda(lambda),
            Ast::MemberOf(ast::MemberOf { value, array }) => {
                self.parts("member of", &[value, array])
            }
        }
    }

    fn struct_part(&mut self, value: &'q Ast) -> Result<Expr, Unread> {
        let name = match value {
            Ast::Identifier(ident) => Some(ident),
            Ast::CompoundIdentifier(idents) => idents.last(),
            _ => None,
        };
        match name {
            // `struct(a)` has a field that is called a.
            Some(ident) => self.parts(&format!("name {}", self.fold(ident)), &[value]),
            None => self.expr(value),
        }
    }

    fn binary_op(
        &mut self,
        left: &'q Ast,
        op: &'q ast::BinaryOperator,
        right: &'q Ast,
    ) -> Result<Expr, Unread> {
        use ast::BinaryOperator::{Arrow, Assignment, NotEq, StringConcat};
        let operator = match op {
            NotEq => "<>".to_owned(),
            StringConcat => "||".to_owned(),
            Assignment => return unsupported("`:=` is not understood"),
            // The older spelling of a lambda, where the grammar takes it for a JSON access.
            Arrow if self.is_lambda_parameter(left) => return self.arrow(left, right),
            other => other.to_string().to_lowercase(),
        };
        let left = self.expr(left)?;
        Ok(binary(operator, left, self.expr(right)?))
    }

    fn unary_op(&mut self, op: ast::UnaryOperator, operand: &'q Ast) -> Result<Expr, Unread> {
        use ast::UnaryOperator::{BangNot, Minus, Not, Plus};
        match op {
            Plus => self.expr(operand),
            Not | BangNot => self.unary("not", operand),
            Minus => match self.expr(operand)? {
                Expr::Literal(Literal::Number(number)) if !number.starts_with('-') => {
                    Ok(Expr::Literal(Literal::Number(format!("-{number}"))))
                }
                other => Ok(unary("-", other)),
            },
            other => self.unary(&other.to_string().to_lowercase(), operand),
        }
    }

    fn like(
        &mut self,
        operator: &str,
        negated: bool,
        any: bool,
        operand: &'q Ast,
        pattern: &'q Ast,
        escape: Option<&'q Ast>,
    ) -> Result<Expr, Unread> {
        let any = if any { " any" } else { "" };
        let like = match escape {
            None => {
                let operand = self.expr(operand)?;
                binary(format!("{operator}{any}"), operand, self.expr(pattern)?)
            }
            Some(escape) => {
                self.parts(&format!("{operator}{any} escape"), &[operand, pattern, escape])?
            }
        };
        Ok(Self::negate(negated, like))
    }

    fn quantified(
        &mut self,
        left: &'q Ast,
        operator: &'q ast::BinaryOperator,
        quantifier: &str,
        right: &'q Ast,
    ) -> Result<Expr, Unread> {
        let operator = format!("{operator} {quantifier}").to_lowercase();
        let mut inner = right;
        while let Ast::Nested(nested) = inner {
            inner = nested;
        }
        match inner {
            Ast::Subquery(query) => {
                let operand = self.expr(left)?;
                self.subquery(SubqueryKind::Quantified(operator), query, vec![operand])
            }
            array => self.parts(&operator, &[left, array]),
        }
    }

    fn rounded(
        &mut self,
        name: &str,
        operand: &'q Ast,
        field: &'q ast::CeilFloorKind,
    ) -> Result<Expr, Unread> {
        match field {
            ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime) => {
                self.plain_call(name, &[operand])
            }
            ast::CeilFloorKind::DateTimeField(field) => {
                self.parts(&format!("{name} to {field}").to_lowercase(), &[operand])
            }
            ast::CeilFloorKind::Scale(scale) => {
                let parts = vec![self.expr(operand)?, Self::literal(&scale.value)?];
                Ok(super::call::plain(name, parts))
            }
        }
    }

    fn trim(
        &mut self,
        place: Option<&ast::TrimWhereField>,
        what: Option<&'q Ast>,
        operand: &'q Ast,
        characters: Option<&'q Vec<Ast>>,
    ) -> Result<Expr, Unread> {
        let name = match place {
            None | Some(ast::TrimWhereField::Both) => "trim",
            Some(ast::TrimWhereField::Leading) => "ltrim",
            Some(ast::TrimWhereField::Trailing) => "rtrim",
        };
        let mut arguments = vec![self.expr(operand)?];
        if let Some(what) = what {
            arguments.push(self.expr(what)?);
        }
        for character in characters.into_iter().flatten() {
            arguments.push(self.expr(character)?);
        }
        Ok(super::call::plain(name, arguments))
    }

    fn convert(
        &mut self,
        is_try: bool,
        operand: &'q Ast,
        data_type: Option<&'q ast::DataType>,
        charset: Option<&'q ast::ObjectName>,
        styles: &'q [Ast],
        _target_before_value: bool,
    ) -> Result<Expr, Unread> {
        let mut parts = vec![self.expr(operand)?];
        for style in styles {
            parts.push(self.expr(style)?);
        }
        let data_type =
            data_type.map(|one| types::canonical(one, self.dialect)).unwrap_or_default();
        let charset = charset.map(ToString::to_string).unwrap_or_default();
        let word = if is_try { "try_convert" } else { "convert" };
        Ok(compound(format!("{word} {data_type} {charset}").to_lowercase(), parts))
    }

    fn access(&mut self, root: &'q Ast, chain: &'q [AccessExpr]) -> Result<Expr, Unread> {
        // `t.tags[1].name`: the leading names are one dotted name.
        let mut idents = match root {
            Ast::Identifier(ident) => vec![ident.clone()],
            Ast::CompoundIdentifier(idents) => idents.clone(),
            _ => Vec::new(),
        };
        let mut rest = chain;
        if !idents.is_empty() {
            while let [AccessExpr::Dot(Ast::Identifier(ident)), tail @ ..] = rest {
                idents.push(ident.clone());
                rest = tail;
            }
        }
        let mut operand = if idents.is_empty() { self.expr(root)? } else { self.name(&idents)? };
        for access in rest {
            operand = match access {
                AccessExpr::Dot(Ast::Identifier(ident)) => fields_of(operand, &[self.fold(ident)]),
                AccessExpr::Dot(Ast::Value(value)) => {
                    compound("field", vec![operand, Self::literal(&value.value)?])
                }
                AccessExpr::Dot(_) => return unsupported("a method call is not understood"),
                AccessExpr::Subscript(subscript) => self.subscript(operand, subscript)?,
            };
        }
        Ok(operand)
    }

    fn subscript(&mut self, operand: Expr, subscript: &'q Subscript) -> Result<Expr, Unread> {
        match subscript {
            Subscript::Index { index } => match index {
                // BigQuery: `array[offset(0)]`.
                Ast::Function(function)
                    if ["offset", "ordinal", "safe_offset", "safe_ordinal"]
                        .contains(&function.name.to_string().to_lowercase().as_str()) =>
                {
                    Ok(compound("index", vec![operand, self.expr(index)?]))
                }
                index => Ok(compound("index", vec![operand, self.expr(index)?])),
            },
            Subscript::Slice { lower_bound, upper_bound, stride } => {
                let mut parts = vec![operand];
                for bound in [lower_bound, upper_bound, stride] {
                    parts.push(match bound {
                        Some(bound) => self.expr(bound)?,
                        None => Expr::Literal(Literal::Null),
                    });
                }
                Ok(compound("slice", parts))
            }
        }
    }

    fn json_access(&mut self, value: &'q Ast, path: &'q ast::JsonPath) -> Result<Expr, Unread> {
        let mut operand = self.expr(value)?;
        let ast::JsonPath { path } = path;
        for element in path {
            operand = match element {
                ast::JsonPathElem::Dot { key, quoted: _ } => {
                    compound("json field", vec![operand, text(key.clone())])
                }
                ast::JsonPathElem::Bracket { key } | ast::JsonPathElem::ColonBracket { key } => {
                    let key = self.expr(key)?;
                    let is_text = matches!(key, Expr::Literal(Literal::Text(_)));
                    compound(if is_text { "json field" } else { "index" }, vec![operand, key])
                }
            };
        }
        Ok(operand)
    }

    fn is_lambda_parameter(&mut self, left: &Ast) -> bool {
        let Ast::Identifier(ident) = left else { return false };
        if self.dialect == crate::Dialect::Postgres {
            return false;
        }
        let name = self.fold(ident);
        let frame = self.frame();
        let fields = frame.scope.relations.iter().flat_map(|relation| &relation.fields);
        let mut names = fields.map(|field| field.name.as_str());
        !names.any(|known| known == name)
            && !frame.lambdas.iter().flatten().any(|known| *known == name)
            && !frame.scope.relations.iter().any(|one| one.fields.iter().any(|f| f.rest.is_some()))
    }

    fn arrow(&mut self, left: &'q Ast, right: &'q Ast) -> Result<Expr, Unread> {
        let Ast::Identifier(ident) = left else { return unsupported("a lambda of no parameter") };
        let name = self.fold(ident);
        self.lambda_of(vec![name], right)
    }

    fn lambda(&mut self, lambda: &'q ast::LambdaFunction) -> Result<Expr, Unread> {
        let ast::LambdaFunction { params, body, syntax } = lambda;
        if let (ast::OneOrManyWithParens::One(one), ast::LambdaSyntax::Arrow) = (params, syntax)
            && begins_with_constant(body)
        {
            // `payload -> '$.id'`: where both are an arrow, a constant is no body of a lambda.
            let value = self.name(std::slice::from_ref(&one.name))?;
            return self.json_arrows(value, body);
        }
        let names = match params {
            ast::OneOrManyWithParens::One(one) => vec![self.fold(&one.name)],
            ast::OneOrManyWithParens::Many(many) => {
                many.iter().map(|one| self.fold(&one.name)).collect()
            }
        };
        self.lambda_of(names, body)
    }

    /// `value -> 'a' ->> 'b'`, of which the grammar took everything after the first arrow as one.
    fn json_arrows(&mut self, value: Expr, path: &'q Ast) -> Result<Expr, Unread> {
        use ast::BinaryOperator::{Arrow, LongArrow};
        match path {
            Ast::BinaryOp { left, op: op @ (Arrow | LongArrow), right } => {
                let left = self.json_arrows(value, left)?;
                Ok(binary(op.to_string(), left, self.expr(right)?))
            }
            last => Ok(binary("->", value, self.expr(last)?)),
        }
    }

    fn lambda_of(&mut self, names: Vec<String>, body: &'q Ast) -> Result<Expr, Unread> {
        let what = format!("lambda {}", names.len());
        self.frame().lambdas.push(names);
        let body = self.expr(body);
        self.frame().lambdas.pop();
        Ok(compound(what, vec![body?]))
    }

    pub(super) fn subquery(
        &mut self,
        kind: SubqueryKind,
        query: &'q ast::Query,
        operands: Vec<Expr>,
    ) -> Result<Expr, Unread> {
        let env: Env<'q> = self.frame().env.clone();
        let bound = self.query(query, &env)?;
        if !matches!(kind, SubqueryKind::Exists { .. }) {
            for field in &bound.fields {
                self.read_rest(field);
            }
        }
        let columns = bound.fields.iter().map(|field| field.col).collect();
        Ok(Expr::Subquery(Box::new(Subquery { kind, rel: bound.rel, columns, operands })))
    }

    /// An expression where no column can be meant: LIMIT, a table sample.
    pub(super) fn constant(&mut self, expr: &'q Ast, env: &Env<'q>) -> Result<Expr, Unread> {
        self.frames.push(Frame::new(env.clone()));
        let bound = self.expr(expr);
        self.frames.pop();
        bound
    }
}
