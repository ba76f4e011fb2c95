-- PostgreSQL lets everybody execute a new function. Here nobody may but whom a right was given to.
set local role daybook_owner;
revoke all on function log.current_tenant(), log.partition_of(uuid, smallint), log.refuse_change() from public;
revoke all on function projection.enter(text, text), projection.look() from public;
grant execute on function log.current_tenant() to daybook_tenant, daybook_partition, daybook_operator, daybook_identity;
grant execute on function log.partition_of(uuid, smallint) to daybook_appender, daybook_operator;
reset role;
