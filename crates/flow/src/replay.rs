//! Deciding a run again from its journal: would today's gate say the same?

use belay_model::Risk;
use belay_model::record::{Answer, Decision, Run};

use crate::{Desk, FlowError};

/// One decision then and now.
#[derive(Debug, Clone)]
pub struct Redecided {
    pub decision: Decision,
    /// What the gate says today, or why it cannot say.
    pub today: Result<(Answer, Risk, Vec<String>), String>,
}

impl Redecided {
    /// Whether the answer is not what it was.
    pub fn differs(&self) -> bool {
        !matches!(&self.today, Ok((answer, ..)) if *answer == self.decision.answer)
    }
}

pub async fn replay(desk: &Desk, text: &str) -> Result<(Run, Vec<Redecided>), FlowError> {
    let run = desk.memory.find_run(text, desk.now()).await?;
    let decisions = desk.memory.decisions(run.id).await?;
    let again = |decision: Decision| {
        let today = desk.gate.decide_again(&decision);
        let today = today
            .map(|again| (again.answer, again.risk, again.determining))
            .map_err(|error| error.to_string());
        Redecided { decision, today }
    };
    Ok((run, decisions.into_iter().map(again).collect()))
}
