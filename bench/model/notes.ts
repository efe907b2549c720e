import { type Deployment, databaseShare } from "./deployment.ts";
import { short } from "./format.ts";

/**
 * Lists in Markdown what does not fit: where one instance is not enough, or a quota is exceeded.
 */
export function notesOn(deployments: readonly Deployment[]): string {
  const notes = deployments.flatMap((deployment) => {
    const of = `**${short(deployment.clients)}, ${deployment.placement}**`;
    return [partition(deployment), leases(deployment), prefixes(deployment)]
      .filter((note) => note !== undefined)
      .map((note) => `- ${of}: ${note}`);
  });
  return notes.length === 0 ? "Everything fits into one cluster." : notes.join("\n");
}

function partition({ cells, cell, traffic }: Deployment): string | undefined {
  if (cells === 1) return undefined;
  const { inputs, servers } = cell;
  const { postgres, redis } = traffic;
  const isDatabase = cells * databaseShare(inputs, postgres) > 1;
  const reason = isDatabase
    ? `one PostgreSQL cannot carry ${short(cells * postgres.commits)} commits and ` +
      `${short(cells * postgres.rows)} rows a second, and ` +
      `${short(cells * postgres.connections)} connections. It takes ${short(cells)} databases`
    : `one Redis cannot carry ${short(cells * (redis.published + redis.delivered))} messages a ` +
      `second. It takes ${short(cells)}`;
  return (
    `${reason}: the rooms are divided among as many clusters of ${short(servers)} servers, each ` +
    "with its own services. Symphony does not divide them; the layer in front of it must route each " +
    "room to its cluster."
  );
}

function leases({ cell: { inputs, servers }, traffic }: Deployment): string | undefined {
  const { leaseChecks, readUnits } = traffic.dynamoDb;
  if (readUnits <= inputs.dynamoTableUnits) return undefined;
  return (
    `the table of a cluster is read ${short(readUnits)} times a second, ${short(leaseChecks)} of ` +
    `them because each of ${short(servers)} servers reads the leases of nearly all others; the ` +
    `quota is ${short(inputs.dynamoTableUnits)} unless AWS raises it.`
  );
}

function prefixes({ cell: { inputs }, traffic: { s3 } }: Deployment): string | undefined {
  const needed = Math.ceil(s3.puts / inputs.s3PrefixPuts);
  if (needed <= 1) return undefined;
  return (
    `the bucket of a cluster gets ${short(s3.puts)} PUT a second. S3 takes ` +
    `${short(inputs.s3PrefixPuts)} for keys with the same prefix, and splits a busy bucket by itself ` +
    `where names differ early; this takes ${needed} parts.`
  );
}
