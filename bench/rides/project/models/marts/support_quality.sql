select
    topic,
    {{ month_of('opened_at') }} as month,
    count(*) as tickets,
    count(closed_at) as closed_tickets,
    avg(date_diff('minute', opened_at, closed_at)) as minutes_to_close,
    avg(rating) as average_rating
from {{ ref('stg_tickets') }}
group by 1, 2
