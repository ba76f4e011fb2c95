// Composes docs/api/subgraph.graphql with a subgraph that adds to its entities, as a gateway of Apollo Federation would, and
// reads entities by their keys from URL with KEY: one line per check, exit 1 when one fails.
import { readFileSync } from 'node:fs';
import { composeServices } from '@theguild/federation-composition';
import { buildSchema, parse } from 'graphql';

const [url, key] = process.argv.slice(2);
if (!url || !key) {
  console.error('usage: subgraph.mjs URL KEY');
  process.exit(2);
}
const sdl = readFileSync(new URL('../../docs/api/subgraph.graphql', import.meta.url), 'utf8');

/** What somebody else knows of orders and customers. */
const WAREHOUSE = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@shareable"])
  type Query { parcels(first: Int): [Parcel!]! }
  type Parcel @key(fields: "barcode") { barcode: ID! order: Order! }
  type Order @key(fields: "id") { id: ID! parcels: [Parcel!]! }
  type Customer @key(fields: "id") { id: ID! doorbell: String }
`;
const compose = (...subgraphs) =>
  composeServices(subgraphs.map(([name, text]) => ({ name, typeDefs: parse(text), url: `http://${name}` })));

let passed = 0;
let failed = 0;
const step = async (name, run) => {
  try {
    await run();
    passed += 1;
    console.log(`ok    subgraph: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  subgraph: ${name}: ${error.message}`);
  }
};
const must = (right, found) => {
  if (!right) throw new Error(JSON.stringify(found));
};
const composed = ({ errors }) => must(!errors?.length, errors?.map(({ message }) => message));

const ask = async (query, variables = {}) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const answer = await response.json();
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
};

await step('it composes alone', () => {
  composed(compose(['daybook', sdl]));
});
await step('its entities have fields of another subgraph', () => {
  const result = compose(['daybook', sdl], ['warehouse', WAREHOUSE]);
  composed(result);
  const order = buildSchema(result.publicSdl).getType('Order').getFields();
  must(order.parcels && order.number, Object.keys(order));
});
await step('what does not compose is noticed', () => {
  const { errors } = compose(['daybook', sdl], ['warehouse', WAREHOUSE.replace('doorbell', 'name')]);
  must(errors?.length > 0, errors);
});
await step('the server tells the same schema', async () => {
  const { _service } = await ask('{ _service { sdl } }');
  must(_service.sdl === sdl, 'another schema');
});
await step('a gateway reads entities by their keys', async () => {
  const { orders } = await ask('{ orders(first: 20) { nodes { __typename id number } } }');
  must(orders.nodes.length === 20, orders);
  const representations = orders.nodes.map(({ __typename, id }) => ({ __typename, id })).reverse();
  const { _entities } = await ask(
    'query($representations: [_Any!]!) { _entities(representations: $representations) { ... on Order { number } } }',
    { representations },
  );
  must(JSON.stringify(_entities.map(({ number }) => number).reverse()) === JSON.stringify(orders.nodes.map(({ number }) => number)), _entities);
});
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
