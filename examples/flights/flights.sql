-- name: create-tables
create table airlines (
    carrier text primary key,
    name text not null
);
create table airports (
    faa text primary key,
    name text not null,
    lat double precision not null,
    lon double precision not null,
    alt integer not null,
    tz smallint not null,
    dst text not null,
    tzone text
);
create table planes (
    tailnum text primary key,
    year smallint,
    type text not null,
    manufacturer text not null,
    model text not null,
    engines smallint not null,
    seats smallint not null,
    speed smallint,
    engine text not null
);
create table weather (
    origin text not null references airports,
    time_hour timestamptz not null,
    temp numeric(5, 2),
    dewp numeric(5, 2),
    humid numeric(5, 2),
    wind_dir smallint,
    wind_speed double precision,
    wind_gust double precision,
    precip numeric(4, 2),
    pressure numeric(5, 1),
    visib numeric(4, 2),
    primary key (origin, time_hour)
);
-- Times of day are written hhmm, delays and air_time are minutes, distance is miles.
create table flights (
    id integer not null,
    day date not null,
    time_hour timestamptz not null,
    carrier text not null,
    flight smallint not null,
    tailnum text,
    origin text not null,
    dest text not null,
    sched_dep_time smallint not null,
    dep_time smallint,
    dep_delay smallint,
    sched_arr_time smallint not null,
    arr_time smallint,
    arr_delay smallint,
    air_time smallint,
    distance integer not null constraint distance_is_positive check (distance > 0)
);
create table first_flights (like flights);

-- name: add-keys
-- After the load: one pass over the table is faster than a look-up for each row. The columns dest and tailnum get no
-- foreign key, because the data has no row for four of the airports and for a seventh of the planes.
alter table flights
    add primary key (id),
    add constraint one_departure unique (time_hour, carrier, flight),
    add foreign key (carrier) references airlines,
    add foreign key (origin) references airports;
analyze;

-- name: constraints
select conrelid::regclass::text as "table", conname as name, pg_get_constraintdef(oid) as definition
from pg_constraint
where connamespace = current_schema()::regnamespace and contype in ('p', 'f', 'u', 'c')
order by conrelid::regclass::text collate "C", conname;

-- name: insert-flight
insert into first_flights values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)

-- name: not-loaded
select * from first_flights except select * from flights

-- name: busiest-routes
select origin, dest, airports.name as airport, airlines.name as airline,
    count(*) as flights, round(avg(arr_delay), 1) as mean_delay
from flights
join airlines using (carrier)
left join airports on airports.faa = dest
group by origin, dest, airports.name, airlines.name
order by flights desc, origin, dest, airline
limit :top

-- name: worst-delays
select time_hour as hour, airlines.name as airline, flight, origin, dest, dep_delay as minutes,
    planes.model as plane
from flights
join airlines using (carrier)
left join planes using (tailnum)
where dep_delay is not null
order by dep_delay desc, id
limit :top

-- name: delays-by-weather
select case when visib < 1 then 'less than a mile' when visib < 10 then '1 to 10 miles' else '10 miles' end
        as visibility,
    max(wind_gust) as gust, round(avg(temp), 1) as temp,
    count(*) as flights, count(*) filter (where dep_time is null) as cancelled, round(avg(dep_delay), 1) as mean_delay
from flights
join weather using (origin, time_hour)
group by visibility
order by min(visib)

-- name: long-delays
select id, day, carrier, flight, origin, dest, dep_delay from flights where dep_delay >= :least
