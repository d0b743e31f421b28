-- Roles that are granted and that nobody agreed on.
select g.role, g.member
from granted as g
left join agreed as a on a.role = g.role and a.member = g.member
where a.role is null
order by g.role, g.member;
