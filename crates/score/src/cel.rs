//! Expressions over the record, in CEL. What an expression may cost is bounded before it runs: an
//! evaluator is a file that others write.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr};
use cel::{Context, Program};
use serde_json::Value;

/// Longer expressions are refused.
pub const LONGEST: usize = 2000;
/// How many steps an expression may take over one record at the very most.
const MOST_STEPS: f64 = 2e7;
const DEEPEST: usize = 3;

/// A parsed expression.
pub struct Expression {
    pub source: String,
    program: Program,
    shape: Shape,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Expression({})", self.source)
    }
}

/// What the cost of an expression depends on.
#[derive(Debug, Clone, Copy, Default)]
struct Shape {
    nodes: usize,
    /// Loops within loops.
    depth: usize,
    loops: usize,
    /// Places where a value can grow: joined texts and lists, lists of several items.
    growth: usize,
    longest_literal: usize,
}

/// The names that an expression may use.
const NAMES: [&str; 13] = [
    "run",
    "steps",
    "decisions",
    "effects",
    "artefacts",
    "scores",
    "review",
    "dispositions",
    "approvals",
    "votes",
    "faults",
    "report",
    "leaves",
];

impl Expression {
    pub fn parse(source: &str) -> Result<Self, String> {
        if source.len() > LONGEST {
            return Err(format!("the expression is longer than {LONGEST} bytes"));
        }
        too_deep(source)?;
        let program = roomy(|| {
            Program::compile(source).map_err(|errors| {
                let all = errors.to_string();
                let line = all.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
                format!("the expression cannot be parsed: {}", line.trim())
            })
        })?;
        let references = program.references();
        let unknown: Vec<String> = references
            .variables()
            .into_iter()
            .filter(|name| !NAMES.contains(name) && !name.starts_with('@'))
            .map(|name| format!("`{name}`"))
            .collect();
        let mut bound = Vec::new();
        let mut shape = Shape::default();
        measure(&program.expression().expr, 0, &mut shape, &mut bound);
        let unknown: Vec<String> = unknown
            .into_iter()
            .filter(|name| !bound.contains(&name.trim_matches('`').to_owned()))
            .collect();
        if !unknown.is_empty() {
            let known = NAMES.join(", ");
            return Err(format!("the expression uses {}; there are {known}", unknown.join(", ")));
        }
        if shape.depth > DEEPEST {
            return Err(format!("the expression has more than {DEEPEST} loops within loops"));
        }
        Ok(Self { source: source.to_owned(), program, shape })
    }

    /// Its value over a record. An expression that fails, or could cost too much, has none.
    fn value(&self, record: &Value) -> Result<cel::Value, String> {
        let steps = self.steps(record);
        if steps > MOST_STEPS {
            return Err(format!("it could take {steps:.0} steps over this record"));
        }
        roomy(|| {
            let mut context = Context::default();
            for name in NAMES {
                let value = record.get(name).unwrap_or(&Value::Null);
                context.add_variable_from_value(name, convert(value));
            }
            let found = self.program.execute(&context);
            found.map_err(|error| error.to_string().chars().take(200).collect())
        })
    }

    pub fn bool(&self, record: &Value) -> Result<bool, String> {
        match self.value(record)? {
            cel::Value::Bool(value) => Ok(value),
            _ => Err("it is neither true nor false".to_owned()),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a measure for people")]
    pub fn number(&self, record: &Value) -> Result<f64, String> {
        match self.value(record)? {
            cel::Value::Int(value) => Ok(value as f64),
            cel::Value::UInt(value) => Ok(value as f64),
            cel::Value::Float(value) if value.is_finite() => Ok(value),
            _ => Err("it is not a number".to_owned()),
        }
    }

    pub fn text(&self, record: &Value) -> Result<String, String> {
        match self.value(record)? {
            cel::Value::String(value) => Ok(value.chars().take(200).collect()),
            cel::Value::Int(value) => Ok(value.to_string()),
            cel::Value::Bool(value) => Ok(value.to_string()),
            _ => Err("it is not text".to_owned()),
        }
    }

    /// More steps than it can possibly take: every node once for every turn of every loop around it,
    /// over lists as long as they can become.
    #[expect(clippy::cast_precision_loss, reason = "an upper bound")]
    fn steps(&self, record: &Value) -> f64 {
        let shape = self.shape;
        let grown = (1 + shape.growth) as f64;
        let exponent = i32::try_from(shape.loops).unwrap_or(i32::MAX);
        let longest = longest(record).max(shape.longest_literal).max(2) as f64 * grown;
        let depth = i32::try_from(shape.depth).unwrap_or(i32::MAX);
        let size = if shape.growth == 0 { 1.0 } else { grown.powi(exponent) };
        shape.nodes as f64 * longest.powi(depth) * size
    }
}

/// Parser and interpreter need some ten kilobytes of stack for each operator: they get a stack of their
/// own, whoever calls.
fn roomy<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    const STACK: usize = 64 << 20;
    let lost = || "the expression could not be evaluated".to_owned();
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        thread.map_err(|_| lost())?.join().map_err(|_| lost())?
    })
}

/// The parser and the interpreter call themselves for every bracket and operator: refused before either
/// sees it is what could use up the stack.
fn too_deep(source: &str) -> Result<(), String> {
    const BRACKETS: usize = 16;
    const OPERATORS: usize = 120;
    const IN_A_ROW: usize = 4;
    let (mut depth, mut row, mut operators) = (0_usize, 0_usize, 0_usize);
    let mut quote = None;
    for letter in source.chars() {
        match (quote, letter) {
            (Some(open), letter) => {
                if open == letter {
                    quote = None;
                }
                continue;
            }
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => (),
        }
        operators += usize::from("+-*/%.<>=!&|?".contains(letter));
        row = match letter {
            '!' | '-' => row + 1,
            letter if letter.is_whitespace() => row,
            _ => 0,
        };
        if depth > BRACKETS || row > IN_A_ROW || operators > OPERATORS {
            return Err(format!(
                "the expression is too deep: at most {BRACKETS} brackets within brackets, \
                 {OPERATORS} operators"
            ));
        }
    }
    Ok(())
}

fn longest(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(longest).max().unwrap_or(0).max(items.len()),
        Value::Object(members) => {
            members.values().map(longest).max().unwrap_or(0).max(members.len())
        }
        _ => 0,
    }
}

fn measure(expr: &Expr, depth: usize, shape: &mut Shape, bound: &mut Vec<String>) {
    shape.nodes += 1;
    shape.depth = shape.depth.max(depth);
    match expr {
        Expr::Call(call) => {
            if call.func_name == "_+_" {
                shape.growth += 1;
            }
            call.target.iter().for_each(|inner| measure(&inner.expr, depth, shape, bound));
            call.args.iter().for_each(|inner| measure(&inner.expr, depth, shape, bound));
        }
        Expr::Comprehension(all) => {
            shape.loops += 1;
            bound.push(all.iter_var.clone());
            bound.extend(all.iter_var2.clone());
            bound.push(all.accu_var.clone());
            measure(&all.iter_range.expr, depth, shape, bound);
            measure(&all.accu_init.expr, depth, shape, bound);
            measure(&all.loop_cond.expr, depth + 1, shape, bound);
            // `map` and `filter` join one item a turn: that is no growth.
            let before = shape.growth;
            measure(&all.loop_step.expr, depth + 1, shape, bound);
            if matches!(all.accu_init.expr, Expr::List(_)) && shape.growth > before {
                shape.growth -= 1;
            }
            measure(&all.result.expr, depth, shape, bound);
        }
        Expr::List(list) => {
            shape.growth += list.elements.len().saturating_sub(1);
            shape.longest_literal = shape.longest_literal.max(list.elements.len());
            list.elements.iter().for_each(|inner| measure(&inner.expr, depth, shape, bound));
        }
        Expr::Select(select) => measure(&select.operand.expr, depth, shape, bound),
        Expr::Map(map) => map.entries.iter().for_each(|entry| {
            shape.growth += 1;
            if let EntryExpr::MapEntry(entry) = &entry.expr {
                measure(&entry.key.expr, depth, shape, bound);
                measure(&entry.value.expr, depth, shape, bound);
            }
        }),
        Expr::Struct(one) => one.entries.iter().for_each(|entry| {
            shape.growth += 1;
            if let EntryExpr::StructField(entry) = &entry.expr {
                measure(&entry.value.expr, depth, shape, bound);
            }
        }),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => (),
    }
}

/// Whole numbers become `int`, never `uint`: a suite should not have to care.
fn convert(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => number.as_i64().map_or_else(
            || cel::Value::Float(number.as_f64().unwrap_or_default()),
            cel::Value::Int,
        ),
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(convert).collect())),
        Value::Object(members) => {
            let members: HashMap<String, cel::Value> =
                members.iter().map(|(key, value)| (key.clone(), convert(value))).collect();
            cel::Value::Map(members.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(source: &str) -> Result<bool, String> {
        let record = json!({
            "run": {"state": "accepted", "level": 2},
            "decisions": [{"verb": "run_query", "answer": "permit"}, {"verb": "x", "answer": "deny"}],
            "effects": (0..100).collect::<Vec<_>>(),
        });
        Expression::parse(source).and_then(|expression| expression.bool(&record))
    }

    #[test]
    fn an_expression_reads_the_record() {
        assert_eq!(holds("run.level >= 2 && run.state == 'accepted'"), Ok(true));
        assert_eq!(holds("decisions.exists(d, d.answer == 'deny')"), Ok(true));
        assert_eq!(holds("decisions.all(d, d.answer == 'permit')"), Ok(false));
        assert_eq!(holds("size(decisions.filter(d, d.verb == 'x')) == 1"), Ok(true));
        assert_eq!(holds("report == null"), Ok(true));
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_never_a_yes() {
        for source in
            ["run.level", "run.nothing == 1", "run.state > 1", "'a' + 1 == 2", "1 / 0 == 1"]
        {
            assert!(holds(source).is_err(), "{source}");
        }
        assert!(holds("secrets.all(x, true)").unwrap_err().contains("`secrets`"));
        assert!(holds("run.level ==").unwrap_err().contains("cannot be parsed"));
    }

    #[test]
    fn what_could_cost_too_much_is_refused_before_it_runs() {
        let nested = "effects.all(a, effects.all(b, effects.all(c, effects.all(d, true))))";
        assert!(holds(nested).unwrap_err().contains("loops within loops"));
        let cubed = "effects.all(a, effects.all(b, effects.all(c, a + b + c > 0)))";
        assert!(holds(cubed).unwrap_err().contains("steps"));
        let mut doubling = "['x']".to_owned();
        for _ in 0..30 {
            doubling.push_str(".map(y, y + y)");
        }
        doubling.push_str(" != []");
        assert!(holds(&doubling).unwrap_err().contains("steps"));
        assert!(holds(&" ".repeat(3000)).unwrap_err().contains("longer"));
    }

    #[test]
    fn no_expression_uses_up_the_stack() {
        let deep = |open: &str, inner: &str, close: &str| {
            format!("{}{inner}{}", open.repeat(15), close.repeat(15))
        };
        let long = [
            format!("true{}", " && true".repeat(60)),
            format!("1{} > 0", " + 1".repeat(110)),
            format!("run{} == 1", ".a".repeat(110)),
            format!("{}false", "true ? true : ".repeat(100)),
            format!("{}true", "!".repeat(1900)),
            format!("{}1 == 1", "- ".repeat(900)),
            deep("(", "true", ")"),
            deep("[", "1", "] != []"),
            deep("size([", "1", "]) + 1"),
            "(".repeat(1900),
            "[".repeat(1900),
            "{1:".repeat(600),
            "'".repeat(1999),
            "run[".repeat(400),
            "f(".repeat(900),
        ];
        for source in long {
            // Whatever it says, it comes back.
            drop(holds(&source));
        }
    }
}
