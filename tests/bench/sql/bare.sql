-- What the log writes, without anything that proves or protects it: the same columns, checks and indexes.
create schema bare;
create table bare.event (like log.event including all);
create table bare.command (like log.command including all);
create table bare.partition (like log.partition including all) with (fillfactor = 10);
insert into bare.partition select * from log.partition;
