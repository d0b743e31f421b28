SELECT id AS order_item_id, order_id, line_number, product_id, quantity,
{{ cents_to_amount('unit_price_cents') }} AS unit_price,
CAST(quantity * {{ cents_to_amount('unit_price_cents') }} AS decimal(12, 2)) AS line_amount
FROM {{ source('raw', 'order_items') }}
WHERE quantity > 0 AND unit_price_cents >= 0
