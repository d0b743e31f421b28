create table agreed (role text not null, member text not null, primary key (role, member));
create table granted (role text not null, member text not null, primary key (role, member));
-- What was done, under the key of the step that did it: a step that comes twice does nothing twice.
create table changes (key text primary key, deed text not null, role text not null, member text not null);

insert into agreed values ('reader', 'ana'), ('reader', 'contractor'), ('finance_admin', 'bruno');
insert into granted select * from agreed;
insert into granted values ('finance_admin', 'contractor');
