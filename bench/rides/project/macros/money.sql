{#- Minor units (cents, pence, öre) to whole ones. -#}
{% macro from_minor(column_name) -%}
    cast({{ column_name }} / 100.0 as decimal(14, 2))
{%- endmacro %}

{#- An amount in euros, at the month's rate. -#}
{% macro in_euros(amount, rate) -%}
    cast(round({{ amount }} * {{ rate }}, 2) as decimal(14, 2))
{%- endmacro %}
