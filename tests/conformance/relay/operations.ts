// The operations of a small shop client, as Relay's compiler reads them. This file is never executed: client.ts uses what
// is made from it.
import { graphql } from 'relay-runtime';

// A list that grows by pages: the compiler makes the query of the next page from the connection.
graphql`
  fragment operationsOrderList on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 2 }, cursor: { type: "String" }, filter: { type: "OrderFilter" })
  @refetchable(queryName: "operationsOrderPageQuery") {
    orders(first: $count, after: $cursor, filter: $filter) @connection(key: "operations_orders") {
      edges {
        node {
          id
          orderId
          number
          status
          total { amount currency }
        }
      }
      pageInfo { endCursor hasNextPage }
    }
  }
`;

graphql`
  query operationsOrdersQuery($count: Int!, $cursor: String, $filter: OrderFilter) {
    viewer { actorId kind }
    ...operationsOrderList @arguments(count: $count, cursor: $cursor, filter: $filter)
  }
`;

// One object that is read again by its id: the compiler makes a query over \`node\`.
graphql`
  fragment operationsOrderDetail on Order @refetchable(queryName: "operationsOrderDetailRefetchQuery") {
    id
    number
    status
    placedAt
    customer { id name }
    lines { line productId quantity unitPrice { amount currency } }
  }
`;

graphql`
  query operationsOrderQuery($id: ID!) {
    order(id: $id) { ...operationsOrderDetail }
  }
`;

// A command, and what it changed in the same answer: the store sees the order's new state.
graphql`
  mutation operationsPlaceOrderMutation($uuid: UUID!, $id: ID!, $input: PlaceOrderInput!, $commandId: String) {
    placeOrder(id: $uuid, input: $input, commandId: $commandId) {
      __typename
      ... on Accepted {
        version
        token
        query { order(id: $id) { ...operationsOrderDetail } }
      }
      ... on Problem { code message path }
    }
  }
`;

// What has no ids: statistics, read models, metrics.
graphql`
  query operationsDashboardQuery($until: DateTime) {
    ordersStats(groupBy: [STATUS], first: 10) { status orders }
    projections { name lagEvents }
    metrics(first: 1) { nodes { id unit latestValue aggregation } }
    leads(filter: { capturedAt: { lt: $until } }) { totalCount }
  }
`;
