-- One event's row of the outbox, a transaction of its own.
-- $1 the event's id  $2 what it belongs to  $3 the key  $4 the payload  $5 the partition  $6 the subject  $7 the tenant
insert into public.outbox
values ($1, $2, $3, $4, $5, 'application/json', '1.0', '/daybook/main', 'order.OrderPlaced', '2026-05-01T10:15:00.123456Z',
        $6, $7, '1234567', '1', '7654321', $1::text, $1::text,
        'https://daybook.dev/schemas/order/OrderPlaced.v1.json', '2026-05-01T10:15:00.123456Z',
        '00-' || replace($1::text, '-', '') || '-00f067aa0ba902b7-01', '\x0100112233445566778899aabbccddeeff'::bytea)
