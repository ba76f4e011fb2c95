// A small client on Relay's own runtime: it places orders, reads them page by page, and reads one again by its id, all by
// documents that the server knows already. client.js URL KEY prints one line per step and exits 1 when one fails.
import {
  Environment,
  Network,
  RecordSource,
  Store,
  commitMutation,
  createOperationDescriptor,
  fetchQuery,
  getRequest,
  getSingularSelector,
} from 'relay-runtime';
import type { GraphQLResponse, RequestParameters, Variables } from 'relay-runtime';
import DashboardQuery, { type operationsDashboardQuery } from './__generated__/operationsDashboardQuery.graphql';
import DetailFragment, { type operationsOrderDetail$data } from './__generated__/operationsOrderDetail.graphql';
import RefetchQuery, { type operationsOrderDetailRefetchQuery } from './__generated__/operationsOrderDetailRefetchQuery.graphql';
import ListFragment, { type operationsOrderList$data } from './__generated__/operationsOrderList.graphql';
import PageQuery, { type operationsOrderPageQuery } from './__generated__/operationsOrderPageQuery.graphql';
import OrderQuery, { type operationsOrderQuery } from './__generated__/operationsOrderQuery.graphql';
import OrdersQuery, { type operationsOrdersQuery } from './__generated__/operationsOrdersQuery.graphql';
import PlaceOrder, { type operationsPlaceOrderMutation } from './__generated__/operationsPlaceOrderMutation.graphql';

declare const process: { argv: string[]; exit(code: number): never };

const [url, key] = process.argv.slice(2);
if (!url || !key) {
  console.error('usage: client.js URL KEY');
  process.exit(2);
}

/** The token of the newest command: what is read afterwards is no older. */
let token: string | undefined;

async function ask(request: RequestParameters, variables: Variables): Promise<GraphQLResponse> {
  const response = await fetch(url as string, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      ...(token === undefined ? {} : { 'daybook-after': token }),
    },
    // The compiler leaves the text out of what it makes: only the document's hash is known here.
    body: JSON.stringify({ documentId: `sha256:${request.id}`, operationName: request.name, variables }),
  });
  return (await response.json()) as GraphQLResponse;
}

const environment = new Environment({ network: Network.create(ask), store: new Store(new RecordSource()) });

let passed = 0;
let failed = 0;

async function step(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    passed += 1;
    console.log(`ok    relay: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  relay: ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function same(found: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`found ${left}, expected ${right}`);
}

type Placed = operationsPlaceOrderMutation['response'];

function place(variables: operationsPlaceOrderMutation['variables']): Promise<Placed> {
  return new Promise((resolve, reject) => {
    commitMutation<operationsPlaceOrderMutation>(environment, {
      mutation: PlaceOrder,
      variables,
      onCompleted: (response, errors) => (errors?.length ? reject(new Error(JSON.stringify(errors))) : resolve(response)),
      onError: reject,
    });
  });
}

/** The orders of the list as the store knows them, whatever page brought them. */
function listed(variables: operationsOrdersQuery['variables']): operationsOrderList$data {
  const operation = createOperationDescriptor(getRequest(OrdersQuery), variables);
  const root = environment.lookup(operation.fragment).data;
  const selector = getSingularSelector(ListFragment, root);
  if (!selector) throw new Error('the store has no list');
  return environment.lookup(selector).data as unknown as operationsOrderList$data;
}

async function main(): Promise<void> {
  const customerId = crypto.randomUUID();
  const orders = Array.from({ length: 5 }, () => crypto.randomUUID());
  const input = { customerId, currency: 'EUR', lines: [{ productId: 'bread', quantity: 2, unitPrice: '350' }] };
  const first = { count: 2, filter: { customerId: { eq: customerId } } };

  await step('a mutation by its hash, with what it changed', async () => {
    for (const id of orders) {
      const { placeOrder } = await place({ uuid: id, id, input, commandId: id });
      if (placeOrder.__typename !== 'Accepted') throw new Error(JSON.stringify(placeOrder));
      same(placeOrder.version, 1);
      token = placeOrder.token ?? undefined;
    }
  });
  await step('a typed problem', async () => {
    const [id] = orders;
    if (!id) throw new Error('there is no order');
    const { placeOrder } = await place({ uuid: id, id, input });
    if (placeOrder.__typename === 'Accepted') throw new Error('one order was placed twice');
    if (!placeOrder.code || !placeOrder.message) throw new Error(JSON.stringify(placeOrder));
  });
  await step('a connection, page by page', async () => {
    await fetchQuery<operationsOrdersQuery>(environment, OrdersQuery, first).toPromise();
    const counts = [listed(first).orders.edges.length];
    for (;;) {
      const { pageInfo } = listed(first).orders;
      if (!pageInfo.hasNextPage) break;
      const next = { ...first, cursor: pageInfo.endCursor };
      await fetchQuery<operationsOrderPageQuery>(environment, PageQuery, next).toPromise();
      counts.push(listed(first).orders.edges.length);
    }
    same(counts, [2, 4, 5]);
    const found = listed(first).orders.edges.map(({ node }) => node.orderId);
    same(found.sort(), [...orders].sort());
  });
  await step('an object again, by its global id', async () => {
    const { node: known } = listed(first).orders.edges[0] ?? {};
    if (!known) throw new Error('the list is empty');
    const refetch = { id: known.id };
    const answer = await fetchQuery<operationsOrderDetailRefetchQuery>(environment, RefetchQuery, refetch).toPromise();
    const selector = answer?.node && getSingularSelector(DetailFragment, answer.node);
    if (!selector) throw new Error('the node is not there');
    const detail = environment.lookup(selector).data as unknown as operationsOrderDetail$data;
    same([detail.id, detail.number, detail.status], [known.id, known.number, known.status]);
    same(detail.lines.map(({ productId, unitPrice }) => [productId, unitPrice.amount]), [['bread', '350']]);
  });
  await step('nothing where there is nothing', async () => {
    const query = fetchQuery<operationsOrderQuery>(environment, OrderQuery, { id: crypto.randomUUID() });
    same((await query.toPromise())?.order, null);
  });
  await step('statistics, read models, another context', async () => {
    const answer = await fetchQuery<operationsDashboardQuery>(environment, DashboardQuery, {}).toPromise();
    if (!answer?.ordersStats.some(({ status, orders: count }) => status === 'CREATED' && BigInt(count) >= 5n)) {
      throw new Error(JSON.stringify(answer?.ordersStats));
    }
    same(answer.projections.some(({ name }) => name === 'order'), true);
  });
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
