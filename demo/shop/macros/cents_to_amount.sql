{#- Whole cents to euros. Decimal all the way, so that sums are exact. -#}
{% macro cents_to_amount(column_name) -%}
    cast({{ column_name }} * 0.01 as decimal(12, 2))
{%- endmacro %}
