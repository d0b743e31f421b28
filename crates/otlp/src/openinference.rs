//! OpenInference attributes, said again in the words of OpenTelemetry's GenAI conventions. The originals
//! stay, and what is there already is not touched.

use crate::wire::{KeyValue, Value};

/// OpenInference's name, and the GenAI conventions' name for the same thing.
const SAME: [(&str, &str); 14] = [
    ("llm.model_name", "gen_ai.request.model"),
    ("llm.provider", "gen_ai.provider.name"),
    ("llm.system", "gen_ai.provider.name"),
    ("llm.token_count.prompt", "gen_ai.usage.input_tokens"),
    ("llm.token_count.completion", "gen_ai.usage.output_tokens"),
    ("llm.token_count.prompt_details.cache_read", "gen_ai.usage.cache_read.input_tokens"),
    ("llm.token_count.prompt_details.cache_write", "gen_ai.usage.cache_creation.input_tokens"),
    ("embedding.model_name", "gen_ai.request.model"),
    ("tool.name", "gen_ai.tool.name"),
    ("tool.description", "gen_ai.tool.description"),
    ("tool.id", "gen_ai.tool.call.id"),
    ("agent.name", "gen_ai.agent.name"),
    ("session.id", "gen_ai.conversation.id"),
    ("graph.node.name", "gen_ai.workflow.name"),
];

const KINDS: [(&str, &str); 6] = [
    ("LLM", "chat"),
    ("TOOL", "execute_tool"),
    ("AGENT", "invoke_agent"),
    ("CHAIN", "invoke_workflow"),
    ("RETRIEVER", "retrieval"),
    ("EMBEDDING", "embeddings"),
];

pub(crate) fn map(attributes: &mut Vec<KeyValue>) {
    let mut more: Vec<KeyValue> = Vec::new();
    for attribute in attributes.iter() {
        let same = SAME.iter().find(|(theirs, _)| *theirs == attribute.key);
        if let Some((_, ours)) = same {
            more.push(KeyValue { key: (*ours).to_owned(), value: attribute.value.clone() });
        } else if attribute.key == "openinference.span.kind"
            && let Some(Value::Text(kind)) =
                attribute.value.as_ref().and_then(|value| value.value.as_ref())
            && let Some((_, operation)) =
                KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(kind))
        {
            more.push(KeyValue::new("gen_ai.operation.name", *operation));
        }
    }
    for attribute in more {
        if attributes.iter().all(|known| known.key != attribute.key) {
            attributes.push(attribute);
        }
    }
}
