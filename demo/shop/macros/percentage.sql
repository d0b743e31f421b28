{#- part / whole in percent, two decimals, null when there is no whole. -#}
{% macro percentage(part, whole) -%}
    cast(round(100.0 * ({{ part }}) / nullif({{ whole }}, 0), 2) as decimal(7, 2))
{%- endmacro %}
