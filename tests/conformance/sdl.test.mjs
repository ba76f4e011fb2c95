// Shows that the gate of sdl.mjs fails where it must: one line per case, exit 1 when one is decided otherwise.
import { decide } from './sdl.mjs';

const REVIEWED = `
  type Query { order(id: ID!): Order orders(first: Int): [Order!]! }
  type Order { id: ID! number: Int! note: String status: Status! }
  enum Status { CREATED SHIPPED }
  input Filter { status: Status }
  type Mutation { place(filter: Filter): Order }
`;
const edit = (from, to) => {
  if (!REVIEWED.includes(from)) throw new Error(`nothing to edit: ${from}`);
  return REVIEWED.replace(from, to);
};
const CASES = [
  ['nothing changed', REVIEWED, { check: true, take: true, accept: true }],
  ['a field was removed', edit('note: String', ''), { check: false, take: false, accept: true }],
  ['a field became nullable', edit('number: Int!', 'number: Int'), { check: false, take: false, accept: true }],
  ['a field has another type', edit('number: Int!', 'number: String!'), { check: false, take: false, accept: true }],
  ['an argument became required', edit('first: Int', 'first: Int!'), { check: false, take: false, accept: true }],
  ['a required input field was added', edit('{ status: Status }', '{ status: Status size: Int! }'), { check: false, take: false, accept: true }],
  ['an enum value was removed', edit('CREATED SHIPPED', 'CREATED'), { check: false, take: false, accept: true }],
  ['a mutation was renamed', edit('place(', 'put('), { check: false, take: false, accept: true }],
  ['a field was added', edit('note: String', 'note: String total: Int'), { check: false, take: true, accept: true }],
  ['only words were added', edit('type Order', '"An order." type Order'), { check: false, take: true, accept: true }],
];

let passed = 0;
let failed = 0;
const expect = (name, right) => {
  console.log(`${right ? 'ok   ' : 'FAIL '} sdl: ${name}`);
  if (right) passed += 1;
  else failed += 1;
};
for (const [name, current, expected] of CASES) {
  for (const [verb, passes] of Object.entries(expected)) {
    const decided = await decide(verb, REVIEWED, current, 'a reason');
    expect(`${name}, ${verb} ${passes ? 'passes' : 'fails'}`, decided.failed !== passes);
  }
}
const removed = CASES[1][1];
expect('without a reason nothing is accepted', (await decide('accept', REVIEWED, removed, ' ')).failed);
const record = (await decide('accept', REVIEWED, removed, 'why')).record;
expect('what is accepted is recorded', record === "\n## why\n\n- Field 'note' was removed from object type 'Order'\n");
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
