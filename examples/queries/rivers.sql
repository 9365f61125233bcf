-- name: create-rivers
create temporary table rivers (name text primary key, continent text not null, km int not null);
insert into rivers values
    ('Nile', 'Africa', 6650), ('Congo', 'Africa', 4700), ('Niger', 'Africa', 4200), ('Zambezi', 'Africa', 2574),
    ('Amazon', 'America', 6400), ('Mississippi', 'America', 3766), ('Danube', 'Europe', 2850);

-- name: longer-than
select name, continent, km from rivers where km >= :least

-- name: by-continent
select continent, count(*) as rivers, max(km) as longest from rivers group by continent order by continent
