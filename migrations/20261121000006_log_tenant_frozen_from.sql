-- What a tenant was when it was frozen: the end of the freeze makes it that again.
set local role daybook_owner;

alter table log.tenant add column frozen_from text check (frozen_from in ('active', 'suspended'));

-- The bookkeeping of migrations is the migrator's own.
reset role;
