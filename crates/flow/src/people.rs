//! Who may say what: the roles that a workspace gives its people.

use std::collections::BTreeMap;

use belay_gate::Person;

/// At a local command line nobody is proved to be who they say they are, and the record says so.
pub const ASSERTED: &str = "asserted";

/// Roles by person, as `[people]` of `belay.toml` names them.
#[derive(Debug, Clone, Default)]
pub struct People {
    roles: BTreeMap<String, Vec<String>>,
}

impl People {
    /// Without any entry everybody is engineer and reviewer, and nobody is steward or admin.
    pub fn new(roles: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        Self { roles: roles.into_iter().collect() }
    }

    /// The person called `name`, who is at this command line by their own word.
    pub fn person(&self, name: &str) -> Person {
        let known = self.roles.get(name).cloned();
        let everybody = || vec!["engineer".to_owned(), "reviewer".to_owned()];
        let roles = if self.roles.is_empty() { everybody() } else { known.unwrap_or_default() };
        Person { name: name.to_owned(), identity: ASSERTED.to_owned(), roles }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_list_everybody_reviews_and_nobody_is_steward() {
        assert_eq!(People::default().person("ada").roles, ["engineer", "reviewer"]);
    }

    #[test]
    fn with_a_list_whoever_is_not_on_it_has_no_role() {
        let people = People::new([("ada".to_owned(), vec!["steward".to_owned()])]);
        assert_eq!(people.person("ada").roles, ["steward"]);
        assert!(people.person("Ada ").roles.is_empty());
    }
}
