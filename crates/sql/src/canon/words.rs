//! Terms in people's words.

use super::term::{Op, Term, Terms};

/// How long a phrase may get before it is cut.
const LONGEST: usize = 120;

impl Terms {
    /// A value or a predicate, roughly as a person would write it.
    pub(crate) fn words(&self, term: Term) -> String {
        let text = self.say(term, 0);
        if text.chars().count() <= LONGEST {
            return text;
        }
        let cut: String = text.chars().take(LONGEST).collect();
        format!("{cut}…")
    }

    fn say(&self, term: Term, depth: usize) -> String {
        if depth > 12 {
            return "…".to_owned();
        }
        let node = self.node(term);
        let arg = |place: usize| {
            node.args.get(place).map_or_else(String::new, |arg| self.say(*arg, depth + 1))
        };
        let join = |args: &[Term], between: &str| {
            let args: Vec<String> = args.iter().map(|arg| self.say(*arg, depth + 1)).collect();
            args.join(between)
        };
        match node.op {
            Op::Column | Op::Literal => node.text.clone(),
            Op::Optional | Op::Member | Op::Union => arg(1),
            Op::Outer | Op::SetsKey => arg(0),
            Op::And => join(&node.args, " and "),
            Op::Or => format!("({})", join(&node.args, " or ")),
            Op::Not => match node.args.first().map(|inner| self.node(*inner)) {
                Some(inner) if inner.op == Op::IsNull => {
                    format!("{} is not null", self.say(inner.args[0], depth + 1))
                }
                _ => format!("not {}", arg(0)),
            },
            Op::Eq => self.compared(node, "=", depth),
            Op::Ne => self.compared(node, "<>", depth),
            Op::Lt | Op::Le => {
                let (less, more) = if node.op == Op::Lt { ("<", ">") } else { ("<=", ">=") };
                if self.op(node.args[0]) == Op::Literal {
                    format!("{} {more} {}", arg(1), arg(0))
                } else {
                    format!("{} {less} {}", arg(0), arg(1))
                }
            }
            Op::IsNull => format!("{} is null", arg(0)),
            Op::In => format!("{} in ({})", arg(0), join(&node.args[1..], ", ")),
            Op::Case => "case … end".to_owned(),
            Op::Coalesce => format!("coalesce({})", join(&node.args, ", ")),
            Op::Cast => format!("{}::{}", arg(0), node.text),
            Op::TryCast => format!("try_cast({} as {})", arg(0), node.text),
            Op::Call if node.text == "of row" => arg(0),
            Op::Call if node.args.len() == 2 && !node.text.starts_with(char::is_alphabetic) => {
                format!("{} {} {}", arg(0), node.text, arg(1))
            }
            Op::Call if matches!(node.text.as_str(), "like" | "ilike") => {
                format!("{} {} {}", arg(0), node.text, arg(1))
            }
            Op::Call if node.text == "all equal" => join(&node.args, " = "),
            Op::Call => format!("{}({})", node.text, join(&node.args, ", ")),
            Op::Measure => {
                let args = self.args(node.args[3]);
                let inside = if args.is_empty() { "*".to_owned() } else { join(args, ", ") };
                format!("{}({inside})", node.text)
            }
            Op::Window => {
                let over = |word: &str, list: Term| {
                    let list = self.args(list);
                    if list.is_empty() {
                        String::new()
                    } else {
                        format!("{word} {}", join(list, ", "))
                    }
                };
                let partition = over("partition by", node.args[2]);
                let order = over("order by", node.args[3]);
                let between = if partition.is_empty() || order.is_empty() { "" } else { " " };
                let args = join(self.args(node.args[1]), ", ");
                format!("{}({args}) over ({partition}{between}{order})", node.text)
            }
            Op::SortKey => {
                let descending = if node.text.starts_with("desc") { " desc" } else { "" };
                format!("{}{descending}", arg(0))
            }
            Op::Exists => format!("exists (… {})", self.tables(node.args[0])),
            Op::Scalar => "a subquery".to_owned(),
            Op::Quantified => format!("{} {} (…)", arg(0), node.text),
            Op::Limited => format!("limit {}", arg(2)),
            Op::Sampled => format!("sample {}", node.text),
            Op::List => join(&node.args, ", "),
            Op::Table => node.text.rsplit('.').next().unwrap_or_default().to_owned(),
            _ => self.tables(term),
        }
    }

    fn compared(&self, node: &super::term::Node, operator: &str, depth: usize) -> String {
        let (mut a, mut b) = (node.args[0], node.args[1]);
        if self.op(a) == Op::Literal || self.op(a) == Op::Outer {
            std::mem::swap(&mut a, &mut b);
        }
        format!("{} {operator} {}", self.say(a, depth + 1), self.say(b, depth + 1))
    }

    /// The tables that rows come from, the last part of each name.
    pub(crate) fn tables(&self, rows: Term) -> String {
        let mut names: Vec<&str> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut open = vec![rows];
        while let Some(next) = open.pop() {
            // What stands outside is only looked at from there.
            if self.op(next) != Op::Outer && seen.insert(next) {
                open.extend_from_slice(self.args(next));
            }
        }
        for part in seen {
            let node = self.node(part);
            if node.op == Op::Table {
                let name = node.text.rsplit('.').next().unwrap_or_default();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names.join(", ")
    }
}
