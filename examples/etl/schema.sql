-- name: create-tables
create table airlines (
    carrier text primary key,
    name text not null
);
-- Times of day are written hhmm, delays and air_time are minutes, distance is miles.
create table flights (
    id integer primary key,
    day date not null,
    time_hour timestamptz not null,
    carrier text not null references airlines,
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

-- name: create-copy
-- The second database takes the flights alone.
create table flights (
    id integer primary key,
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
    distance integer not null
);

-- name: delays-by-month
select date_trunc('month', day)::date as month, carrier, name as airline, count(*) as flights,
    count(*) - count(dep_time) as cancelled, round(avg(arr_delay), 2)::numeric(8, 2) as mean_delay,
    max(arr_delay) as worst_delay
from flights
join airlines using (carrier)
where day >= :first
group by 1, 2, 3
order by 1, 2

-- name: checksum
-- The sum of a hash of each row does not depend on their order.
select count(*) as rows, coalesce(sum(hashtextextended(flights::text, 0)::numeric), 0) as checksum
from flights
