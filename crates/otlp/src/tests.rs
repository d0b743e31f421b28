use belay_model::{Redactor, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::wire::{
    AnyValue, ArrayValue, Encoding, Event, ExportTraceServiceRequest, InstrumentationScope,
    KeyValue, KeyValueList, Link, Resource, ResourceSpans, ScopeSpans, Span, Status, Value,
};
use crate::{body_of, receive};

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        ".{0,12}".prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        prop_oneof![
            any::<f64>().prop_filter("NaN is equal to nothing", |number| !number.is_nan()),
            Just(f64::INFINITY)
        ]
        .prop_map(Value::Double),
        vec(any::<u8>(), 0..12).prop_map(Value::Bytes),
    ];
    let leaf = proptest::option::of(leaf).prop_map(|value| AnyValue { value });
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3)
                .prop_map(|values| AnyValue { value: Some(Value::Array(ArrayValue { values })) }),
            vec(("[a-f.]{0,6}", inner), 0..3).prop_map(|pairs| {
                let pair = |(key, value)| KeyValue { key, value: Some(value) };
                let values = pairs.into_iter().map(pair).collect();
                AnyValue { value: Some(Value::Map(KeyValueList { values })) }
            }),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let one = ("[a-f._]{1,12}", proptest::option::of(any_value()));
    vec(one.prop_map(|(key, value)| KeyValue { key, value }), 0..4)
}

fn span() -> impl Strategy<Value = Span> {
    let event = (any::<u64>(), ".{0,8}", attributes(), any::<u32>()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    );
    let link = (vec(any::<u8>(), 0..17), attributes(), any::<u32>()).prop_map(
        |(trace_id, attributes, flags)| Link { trace_id, attributes, flags, ..Link::default() },
    );
    let status = (".{0,8}", 0..3).prop_map(|(message, code)| Status { message, code });
    let ids = (vec(any::<u8>(), 16), vec(any::<u8>(), 8), vec(any::<u8>(), 0..9));
    let rest = (vec(event, 0..3), vec(link, 0..2), proptest::option::of(status), any::<u32>());
    (ids, ".{0,12}", 0..6, any::<u64>(), any::<u64>(), attributes(), rest).prop_map(
        |(ids, name, kind, start_time_unix_nano, end_time_unix_nano, attributes, rest)| Span {
            trace_id: ids.0,
            span_id: ids.1,
            parent_span_id: ids.2,
            name,
            kind,
            start_time_unix_nano,
            end_time_unix_nano,
            attributes,
            events: rest.0,
            links: rest.1,
            status: rest.2,
            flags: rest.3,
            ..Span::default()
        },
    )
}

fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope =
        (".{0,8}", attributes(), vec(span(), 0..3)).prop_map(|(name, attributes, spans)| {
            let scope =
                InstrumentationScope { name, attributes, ..InstrumentationScope::default() };
            ScopeSpans { scope: Some(scope), spans, schema_url: "s".to_owned() }
        });
    let group = (proptest::option::of(attributes()), vec(scope, 0..3)).prop_map(
        |(resource, scope_spans)| {
            let resource =
                resource.map(|attributes| Resource { attributes, dropped_attributes_count: 0 });
            ResourceSpans { resource, scope_spans, schema_url: String::new() }
        },
    );
    vec(group, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_decoded_is_what_was_encoded_and_the_encodings_agree(request in request()) {
        let decode = |encoding: Encoding| -> ExportTraceServiceRequest {
            encoding.decode(&encoding.encode(&request)).unwrap()
        };
        prop_assert_eq!(&decode(Encoding::Protobuf), &request);
        prop_assert_eq!(&decode(Encoding::Json), &request);
    }

    #[test]
    fn a_row_holds_its_span_with_every_attribute(request in request()) {
        let received = receive(request.clone(), &Redactor::default(), Timestamp::from_nanos(1));
        let spans: Vec<Span> = request
            .resource_spans
            .into_iter()
            .flat_map(|group| group.scope_spans)
            .flat_map(|scope| scope.spans)
            .filter(|span| span.trace_id.iter().any(|b| *b != 0) && span.span_id.iter().any(|b| *b != 0))
            .collect();
        prop_assert_eq!(received.spans.len(), spans.len());
        for (row, span) in received.spans.iter().zip(spans) {
            let body = body_of(row).unwrap();
            prop_assert_eq!(&body.scope_spans[0].spans, &vec![span]);
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in vec(any::<u8>(), 0..64)) {
        for encoding in [Encoding::Protobuf, Encoding::Json] {
            drop(encoding.decode::<ExportTraceServiceRequest>(&bytes));
        }
    }
}

#[test]
fn the_example_of_the_specification_reads() {
    let text = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name",
        "value":{"stringValue":"my.service"}}]},"scopeSpans":[{"scope":{"name":"my.library","version":"1.0.0"},
        "spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174",
        "parentSpanId":"EEE19B7EC3C1B173","name":"I'm a server span","startTimeUnixNano":"1544712660000000000",
        "endTimeUnixNano":1544712661000000000,"kind":2,"unknown":{"a":[1]},
        "attributes":[{"key":"n","value":{"intValue":"7"}},{"key":"m","value":{"intValue":8}}]}]}]}]}"#;
    let request: ExportTraceServiceRequest = Encoding::Json.decode(text.as_bytes()).unwrap();
    let received = receive(request, &Redactor::default(), Timestamp::from_nanos(5));
    let row = &received.spans[0];
    assert_eq!(row.trace, "5b8efff798038103d269b633813fc60c");
    assert_eq!(row.parent.as_deref(), Some("eee19b7ec3c1b173"));
    assert_eq!(row.ended, row.started.plus_seconds(1));
    assert!(row.body.contains(r#"{"key":"n","value":{"intValue":"7"}}"#), "{}", row.body);
}

#[test]
fn spans_without_usable_ids_are_counted_and_not_kept() {
    let spans = vec![
        Span { trace_id: vec![1; 16], span_id: vec![1; 8], ..Span::default() },
        Span { trace_id: vec![0; 16], span_id: vec![1; 8], ..Span::default() },
        Span { trace_id: vec![1; 16], span_id: vec![1; 7], ..Span::default() },
    ];
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let request = ExportTraceServiceRequest { resource_spans };
    let received = receive(request, &Redactor::default(), Timestamp::from_nanos(5));
    assert_eq!((received.spans.len(), received.rejected), (1, 2));
}

#[test]
fn openinference_is_said_again_and_never_over_what_is_there() {
    let mut attributes = vec![
        KeyValue::new("openinference.span.kind", "LLM"),
        KeyValue::new("llm.model_name", "m-1"),
        KeyValue::new("llm.token_count.prompt", 12),
        KeyValue::new("gen_ai.request.model", "m-0"),
    ];
    crate::openinference::map(&mut attributes);
    let said: Vec<&str> =
        attributes.iter().skip(4).map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(said, ["gen_ai.operation.name", "gen_ai.usage.input_tokens"]);
    assert_eq!(attributes[3].text(), Some("m-0"));
}
