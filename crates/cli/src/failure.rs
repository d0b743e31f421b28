//! How a command ends: its outcome or its failure, and the exit code of each. The codes are a contract.

use std::io::Write as _;
use std::process::ExitCode;

use belay_model::Explain;
use belay_model::explain::Blame;

pub(crate) const CLEAR: u8 = 0;
pub(crate) const NO: u8 = 1;
pub(crate) const INPUT: u8 = 2;
pub(crate) const SURROUNDINGS: u8 = 3;
pub(crate) const HELD: u8 = 4;
pub(crate) const INCONCLUSIVE: u8 = 5;
pub(crate) const BUG: u8 = 70;

/// The command did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Clear,
    /// It worked, and the answer is no.
    No,
    /// It worked, and there is not enough evidence for an answer.
    Inconclusive,
}

impl Outcome {
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Clear => CLEAR,
            Self::No => NO,
            Self::Inconclusive => INCONCLUSIVE,
        })
    }
}

/// The command did not come to a result.
#[derive(Debug)]
pub(crate) struct Failure {
    pub code: &'static str,
    pub message: String,
    /// The chain of causes, the nearest first.
    pub causes: Vec<String>,
    pub help: Option<String>,
    blame: Blame,
}

impl Failure {
    pub(crate) fn input(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), causes: Vec::new(), help: None, blame: Blame::Input }
    }

    pub(crate) fn surroundings(code: &'static str, message: impl Into<String>) -> Self {
        Self { blame: Blame::Surroundings, ..Self::input(code, message) }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Something around belay is missing or does not answer; asking again at once would be in vain.
    pub(crate) fn is_of_surroundings(&self) -> bool {
        matches!(self.blame, Blame::Surroundings)
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.blame {
            Blame::Answer => NO,
            Blame::Input => INPUT,
            Blame::Surroundings => SURROUNDINGS,
            Blame::Held => HELD,
            Blame::Belay => BUG,
        })
    }
}

impl<E: Explain> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut causes = Vec::new();
        let message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            // A transparent wrapper says what its source says.
            let said = message.contains(&text)
                || causes.iter().any(|known: &String| known.contains(&text));
            if !said {
                causes.push(text);
            }
            cause = inner.source();
        }
        Self { code: error.code(), message, causes, help: error.help(), blame: error.blame() }
    }
}

/// What clap has to say: help goes to stdout, a mistake to stderr in our own form, as JSON where the
/// result would have been.
pub(crate) fn of_arguments(error: &clap::Error, words: &[String]) -> ExitCode {
    let text = error.render().ansi().to_string();
    if !error.use_stderr() {
        drop(write!(anstream::stdout().lock(), "{text}"));
        return ExitCode::from(CLEAR);
    }
    let json = words.iter().any(|word| word == "--format=json")
        || words.windows(2).any(|pair| {
            pair.first().is_some_and(|word| word == "--format")
                && pair.last().is_some_and(|word| word == "json")
        });
    let said = if json {
        let plain = error.render().to_string();
        let message = plain.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let help = "run it with `--help`";
        serde_json::json!({"schema": "belay.error/1", "code": "usage", "message": message, "causes": [], "help": help})
            .to_string()
            + "\n"
    } else {
        text.replacen("error:", "error[usage]:", 1)
    };
    // With a closed stderr there is nobody left to tell.
    drop(write!(anstream::stderr().lock(), "{said}"));
    ExitCode::from(INPUT)
}
