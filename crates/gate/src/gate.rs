//! The gate: the rules in force, and the only maker of permits.

use belay_model::explain::Blame;
use belay_model::record::{self, Answer};
use belay_model::{Action, Assessment, Digest, Explain, Level, Risk};

use crate::asked::Asked;
use crate::fault::PolicyErrors;
use crate::permit::Permit;
use crate::policy::PolicyFile;
use crate::rules::Rules;
use crate::{Circumstances, Deed, Matter, Needs, Person, Worker};

/// What the gate said, with all that the record needs. A permit is inside only when it said yes.
#[derive(Debug)]
pub struct Ruling {
    pub answer: Answer,
    pub assessment: Assessment,
    pub level: Level,
    /// Ids of the policies that decided; empty where no policy allows it.
    pub determining: Vec<String>,
    /// What would have to hold for a yes, in words; empty when the answer is yes, or never.
    pub missing: Vec<String>,
    /// The same in figures.
    pub needs: Option<Needs>,
    /// Why, in the words of the policies.
    pub reasons: Vec<String>,
    /// Everything that the answer rests on beside the action and the worker's name, as canonical JSON:
    /// [`Gate::decide_again`] reads it.
    pub circumstances: String,
    permit: Option<Permit>,
}

impl Ruling {
    /// The permit, or why there is none.
    pub fn permit(self) -> Result<Permit, Refused> {
        self.permit.ok_or(Refused {
            answer: self.answer,
            reasons: self.reasons,
            missing: self.missing,
            determining: self.determining,
        })
    }
}

/// The gate did not say yes.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("the gate answered {answer}: {}", reasons.join("; "))]
pub struct Refused {
    pub answer: Answer,
    pub reasons: Vec<String>,
    pub missing: Vec<String>,
    /// The policies that decided.
    pub determining: Vec<String>,
}

impl Explain for Refused {
    fn code(&self) -> &'static str {
        if self.answer == Answer::Hold { "gate/held" } else { "gate/denied" }
    }

    fn help(&self) -> Option<String> {
        (!self.missing.is_empty()).then(|| format!("missing: {}", self.missing.join(", ")))
    }

    fn blame(&self) -> Blame {
        if self.answer == Answer::Hold { Blame::Held } else { Blame::Input }
    }
}

/// What the gate would say today to a question that it answered before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    pub answer: Answer,
    pub determining: Vec<String>,
    pub missing: Vec<String>,
    pub risk: Risk,
}

/// A recorded decision cannot be decided again.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum AgainError {
    #[error("decision {decision} was written before 0.2, without its circumstances")]
    NoCircumstances { decision: String },
    #[error("decision {decision} cannot be read: its {part} is not one")]
    Unreadable { decision: String, part: &'static str },
}

impl Explain for AgainError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoCircumstances { .. } => "decision/no-circumstances",
            Self::Unreadable { .. } => "decision/unreadable",
        }
    }
}

/// The policy engine with its policies.
#[derive(Debug)]
pub struct Gate {
    pub(crate) rules: Rules,
}

impl Gate {
    /// The hard rules, the default ladder, and what people may do.
    pub fn built_in() -> Result<Self, PolicyErrors> {
        Self::load(&[])
    }

    /// Belay's own policies and those of a workspace. A workspace only adds: a forbid wins over every
    /// permit, so the hard rules hold whatever it permits. The examples are checked every time.
    pub fn load(files: &[PolicyFile]) -> Result<Self, PolicyErrors> {
        Ok(Self { rules: Rules::load(files)? })
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The digest of schema and policies: part of every decision and every approval.
    pub fn digest(&self) -> Digest {
        self.rules.digest()
    }

    /// The ids of the policies in force.
    pub fn policy_ids(&self) -> impl Iterator<Item = &str> {
        self.rules.stated().map(|(id, _)| id)
    }

    /// Decides one action. Whatever goes wrong inside counts as no.
    pub fn decide(&self, worker: &Worker, action: &Action, circumstances: Circumstances) -> Ruling {
        let asked = Asked::of(worker, action, circumstances);
        let judged = self.rules.judge_asked(&asked, action);
        Ruling {
            answer: judged.answer,
            level: worker.level,
            assessment: judged.assessment,
            determining: judged.determining,
            missing: judged.missing,
            needs: judged.needs,
            reasons: judged.reasons,
            circumstances: asked.canonical(),
            permit: (judged.answer == Answer::Permit).then(|| Permit::new(action)),
        }
    }

    /// What the policies of today say to a recorded question. Gives no permit.
    pub fn decide_again(&self, decision: &record::Decision) -> Result<Again, AgainError> {
        let name = || decision.id.to_string();
        if decision.circumstances.is_empty() {
            return Err(AgainError::NoCircumstances { decision: name() });
        }
        let unreadable = |part| AgainError::Unreadable { decision: name(), part };
        let action = Action::parse(&decision.action).ok_or_else(|| unreadable("action"))?;
        let asked = Asked::parse(&decision.principal, &decision.circumstances)
            .ok_or_else(|| unreadable("record of circumstances"))?;
        let judged = self.rules.judge_asked(&asked, &action);
        Ok(Again {
            answer: judged.answer,
            determining: judged.determining,
            missing: judged.missing,
            risk: judged.assessment.risk,
        })
    }

    /// Whether a person may do what only people do.
    pub fn may(&self, person: &Person, deed: Deed, matter: &Matter) -> Result<(), Refused> {
        self.rules.may(person, deed, matter).map(drop)
    }
}
