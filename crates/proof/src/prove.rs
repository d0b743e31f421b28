//! The proof itself: claim by claim, action by action.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use belay_gate::Rules;
use belay_model::Explain;
use belay_model::explain::Blame;
use cedar_policy::{Effect, Policy, PolicySet, RequestEnv, Schema, ValidationMode, Validator};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, Env};
use std::str::FromStr;
use tokio::process::Command;

use crate::request::Slipped;
use crate::{Claim, claims};

/// How long the solver may think about one check.
const LIMIT: Duration = Duration::from_mins(1);

/// Why there is no proof and no counterexample.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    #[error(
        "there is no cvc5: CVC5 names none, and it is neither on the PATH nor in belay's cache"
    )]
    NoSolver,
    #[error("the solver `{}` cannot be started: {message}", program.display())]
    Solver { program: PathBuf, message: String },
    #[error("{rule} for `{action}` is not decided: {message}")]
    Undecided { rule: String, action: String, message: String },
    #[error("belay's claims do not hold together: {message}")]
    Claims { message: String },
    #[error("the solver's counterexample to {rule} is none: Cedar does not allow the request")]
    Spurious { rule: String },
}

impl Explain for ProofError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSolver | Self::Solver { .. } => "proof/solver",
            Self::Undecided { .. } => "proof/undecided",
            Self::Claims { .. } => "proof/claims",
            Self::Spurious { .. } => "proof/spurious",
        }
    }

    fn help(&self) -> Option<String> {
        let help = "run `belay drivers install --cvc5`, or name a cvc5 of your own in CVC5";
        matches!(self, Self::NoSolver | Self::Solver { .. }).then(|| help.to_owned())
    }

    fn blame(&self) -> Blame {
        match self {
            Self::NoSolver | Self::Solver { .. } | Self::Undecided { .. } => Blame::Surroundings,
            Self::Claims { .. } | Self::Spurious { .. } => Blame::Belay,
        }
    }
}

/// How far a claim holds.
#[derive(Debug, Clone)]
pub enum Held {
    /// Under every policy that a workspace could add.
    Always,
    /// Under these policies; the request is one that some other workspace's permit would let through.
    OnlyHere(Box<Slipped>),
    /// Not at all: these policies allow the request.
    Not(Box<Slipped>),
}

/// What became of one claim.
#[derive(Debug, Clone)]
pub struct Finding {
    pub rule: String,
    pub held: Held,
    /// How many checks the solver decided for it.
    pub checks: usize,
    pub took: Duration,
}

/// What became of all claims.
#[derive(Debug, Clone)]
pub struct Proved {
    pub findings: Vec<Finding>,
}

impl Proved {
    /// Every claim holds under every workspace.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| matches!(finding.held, Held::Always))
    }
}

/// Proves every claim about `rules`. `elapsed` is a clock: time since some fixed moment. `said` is told
/// of each claim as it is taken up.
pub async fn prove(
    rules: &Rules,
    solver: &Path,
    elapsed: &(dyn Fn() -> Duration + Sync),
    mut said: impl FnMut(&str),
) -> Result<Proved, ProofError> {
    let mut prover = Prover::start(rules, solver)?;
    let mut findings = Vec::new();
    for claim in claims()? {
        said(&claim.rule);
        let began = elapsed();
        let checks = prover.checks;
        let held = prover.claim(&claim).await?;
        let took = elapsed().saturating_sub(began);
        findings.push(Finding { rule: claim.rule, held, checks: prover.checks - checks, took });
    }
    Ok(Proved { findings })
}

struct Prover<'a> {
    schema: &'a Schema,
    /// All policies.
    here: &'a PolicySet,
    /// The forbids of belay, and a permit of everything.
    anywhere: PolicySet,
    environments: Vec<RequestEnv>,
    compiler: CedarSymCompiler<LocalSolver>,
    checks: usize,
}

impl<'a> Prover<'a> {
    fn start(rules: &'a Rules, solver: &Path) -> Result<Self, ProofError> {
        let failed = |message: String| ProofError::Solver { program: solver.to_owned(), message };
        let mut limit = OsString::from("--tlimit-per=");
        limit.push(LIMIT.as_millis().to_string());
        let mut command = Command::new(solver);
        command.args(["--lang", "smt"]).arg(limit).kill_on_drop(true);
        let local =
            LocalSolver::from_command(&mut command).map_err(|error| failed(error.to_string()))?;
        let compiler = CedarSymCompiler::new(local).map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            schema: rules.schema(),
            here: rules.policy_set(),
            anywhere: most_permissive(rules)?,
            environments: rules.schema().request_envs().collect(),
            compiler,
            checks: 0,
        })
    }

    async fn claim(&mut self, claim: &Claim) -> Result<Held, ProofError> {
        let mut elsewhere = None;
        for environment in self.environments.clone() {
            if !self.describes(claim, &environment) {
                continue;
            }
            let anywhere = self.anywhere.clone();
            let Some(found) = self.counterexample(claim, &environment, &anywhere).await? else {
                continue;
            };
            if let Some(here) = self.counterexample(claim, &environment, self.here).await? {
                return confirmed(claim, &here, self.here).map(Held::Not);
            }
            if elsewhere.is_none() {
                elsewhere = Some(confirmed(claim, &found, &anywhere)?);
            }
        }
        Ok(elsewhere.map_or(Held::Always, Held::OnlyHere))
    }

    /// Whether the claim's scope can match a request of this kind at all. By Cedar's validator, which
    /// says of a policy that no request can match it.
    fn describes(&self, claim: &Claim, environment: &RequestEnv) -> bool {
        let actions = self.schema.action_entities();
        let Ok(actions) = actions else { return true };
        let own = environment.action();
        claim.described.policies().any(|policy| match policy.action_constraint() {
            cedar_policy::ActionConstraint::Any => policy_is_about(policy, environment),
            cedar_policy::ActionConstraint::Eq(uid) => uid == *own,
            cedar_policy::ActionConstraint::In(uids) => {
                let above: Vec<_> = actions.ancestors(own).into_iter().flatten().collect();
                uids.iter().any(|uid| uid == own || above.contains(&uid))
            }
        })
    }

    async fn counterexample(
        &mut self,
        claim: &Claim,
        environment: &RequestEnv,
        set: &PolicySet,
    ) -> Result<Option<Env>, ProofError> {
        self.checks += 1;
        let undecided = |error: cedar_policy_symcc::err::Error| ProofError::Undecided {
            rule: claim.rule.clone(),
            action: environment.action().id().unescaped().to_owned(),
            message: error.to_string(),
        };
        let allowed = CompiledPolicySet::compile(set, environment, self.schema);
        let described = CompiledPolicySet::compile(&claim.described, environment, self.schema);
        let (allowed, described) = (allowed.map_err(&undecided)?, described.map_err(&undecided)?);
        let found =
            self.compiler.check_disjoint_with_counterexample_opt(&allowed, &described).await;
        found.map_err(undecided)
    }
}

fn policy_is_about(policy: &Policy, environment: &RequestEnv) -> bool {
    match policy.principal_constraint() {
        cedar_policy::PrincipalConstraint::Is(name) => name == *environment.principal(),
        _ => true,
    }
}

fn confirmed(claim: &Claim, env: &Env, set: &PolicySet) -> Result<Box<Slipped>, ProofError> {
    let spurious = || ProofError::Spurious { rule: claim.rule.clone() };
    let described = Slipped::confirmed(env, &claim.described).is_some();
    let slipped = Slipped::confirmed(env, set).filter(|_| described);
    slipped.map(Box::new).ok_or_else(spurious)
}

/// What no workspace can outdo: belay's forbids, and one permit of everything.
fn most_permissive(rules: &Rules) -> Result<PolicySet, ProofError> {
    let broken = |message: String| ProofError::Claims { message };
    let mut set = PolicySet::from_str("permit (principal, action, resource);")
        .map_err(|error| broken(error.to_string()))?;
    let built_in = |policy: &&Policy| {
        policy.effect() == Effect::Forbid
            && rules.find(policy.id().as_ref()).is_some_and(|stated| stated.built_in)
    };
    for policy in rules.policy_set().policies().filter(built_in) {
        set.add(policy.clone()).map_err(|error| broken(error.to_string()))?;
    }
    let verdict = Validator::new(rules.schema().clone()).validate(&set, ValidationMode::Strict);
    match verdict.validation_errors().next() {
        None => Ok(set),
        Some(error) => Err(broken(error.to_string())),
    }
}
