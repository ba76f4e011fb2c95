// PostGraphile on the read models, as its documentation shows it for a tenant's claim and row-level security: B7 compares
// Daybook with it. With WORKERS above 1 so many processes share the port and the connections.
import cluster from "node:cluster";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { PgAggregatesPreset } from "@graphile/pg-aggregates";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { TYPES } from "postgraphile/@dataplan/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { sql } from "postgraphile/pg-sql2";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { jsonPgSmartTags } from "postgraphile/utils";

const { DATABASE_URL, ORDERS, CUSTOMERS, CONTEXT_KEY } = process.env;
const workers = Number(process.env.WORKERS);
const connections = Number(process.env.CONNECTIONS);
const key = Buffer.from(CONTEXT_KEY, "hex");

// The signed claim that the read models' policies ask for.
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const sign = (tenant) => sha256(key, sha256(key, tenant)).toString("hex");

// Orders are not bound to customers by a foreign key: they are of another projection.
const tags = jsonPgSmartTags({
  version: 1,
  config: {
    class: {
      [`${ORDERS}.order_summary`]: {
        tags: {
          foreignKey: `(tenant_id, customer_id) references ${CUSTOMERS}.customer (tenant_id, customer_id)|@fieldName customer`,
        },
        // Only what is indexed is grouped by, unless it is said to be.
        attribute: { status: { tags: { isIndexed: true } }, currency: { tags: { isIndexed: true } } },
      },
    },
  },
});

// Groups by month, as the plugin's own by hour and by day; and how many rows there are, which it counts only if they differ.
const monthsAndCounts = {
  name: "MonthsAndCountsPlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      build: {
        after: ["PgAggregatesSpecsPlugin"],
        callback(build) {
          build.pgAggregateGroupBySpecs.push({
            id: "truncated-to-month",
            isSuitableType: (codec) => codec === TYPES.timestamptz,
            sqlWrap: (value) => sql`date_trunc('month', ${value})`,
            sqlWrapCodec: (codec) => codec,
          });
          build.pgAggregateSpecs.push({
            id: "count",
            humanLabel: "count",
            HumanLabel: "Count",
            isSuitableType: (codec) => codec === TYPES.uuid,
            sqlAggregateWrap: (value) => sql`count(${value})`,
            pgTypeCodecModifier: () => TYPES.bigint,
          });
          return build;
        },
      },
    },
  },
};

const preset = {
  extends: [PostGraphileAmberPreset, PgAggregatesPreset],
  plugins: [tags, monthsAndCounts],
  pgServices: [
    makePgService({
      connectionString: DATABASE_URL,
      schemas: [ORDERS, CUSTOMERS],
      pubsub: false,
      poolConfig: { max: Math.max(1, Math.floor(connections / workers)) },
    }),
  ],
  grafserv: { graphiql: false, watch: false },
  grafast: {
    explain: false,
    context({ node }) {
      const tenant = node.req.headers.authorization.slice("Bearer ".length);
      return { pgSettings: { "app.current_organization": tenant, "app.signature": sign(tenant) } };
    },
  },
};

async function serve() {
  const server = createServer();
  // As behind a proxy: connections are kept while they rest.
  server.keepAliveTimeout = 120_000;
  await postgraphile(preset).createServ(grafserv).addTo(server);
  server.listen({ port: 0, host: "127.0.0.1" }, () => {
    const told = { url: `http://127.0.0.1:${server.address().port}` };
    if (cluster.isPrimary) console.log(JSON.stringify(told));
    else process.send(told);
  });
}

if (workers > 1 && cluster.isPrimary) {
  let listening = 0;
  for (let worker = 0; worker < workers; worker++) {
    cluster.fork().on("message", (told) => {
      listening += 1;
      if (listening === workers) console.log(JSON.stringify(told));
    });
  }
  process.on("SIGTERM", () => process.exit(0));
} else {
  process.on("SIGTERM", () => process.exit(0));
  await serve();
}
