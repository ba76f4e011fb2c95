-- The operator's proofs look at who holds which unique value.
set local role daybook_owner;

create policy operator_reads on log.claim for select to daybook_operator using (true);
grant select on log.claim to daybook_operator;

-- The bookkeeping of migrations is the migrator's own.
reset role;
