{#- A UTC timestamp as it stands on the clock of a time zone. -#}
{% macro local_time(column_name, zone) -%}
    timezone({{ zone }}, timezone('UTC', {{ column_name }}))
{%- endmacro %}

{% macro month_of(column_name) -%}
    cast(date_trunc('month', {{ column_name }}) as date)
{%- endmacro %}
