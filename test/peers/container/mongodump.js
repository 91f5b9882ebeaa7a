#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// Stands in for MongoDB's mongodump in the image that the tests build, since no registry that they reach has the real one. It takes the arguments
// that core-backup gives, reads the server of its --config by core-backup's own driver, which is in the image, and writes the archive.
const LIB = "/opt/core-backup/dist/lib/connectors/mongodb";

const args = process.argv.slice(2);
const given = (flag) => args.filter((arg) => arg.startsWith(`${flag}=`)).map((arg) => arg.slice(flag.length + 1));
if (args[0] === "--version") process.stdout.write("mongodump version: 100.0.0\n");
else await dump();

async function dump() {
  const [name] = given("--db");
  const [config] = given("--config");
  const { uri } = JSON.parse(readFileSync(config, "utf8").replace("uri:", '{"uri":').concat("}"));
  const { MongoClient } = createRequire(`${LIB}/`)("mongodb");
  const { planDatabase } = await import(`${LIB}/database-plan.js`);
  const { driverArchive } = await import(`${LIB}/driver-archive.js`);
  const { serverInfo } = await import(`${LIB}/server.js`);
  const client = await MongoClient.connect(uri);
  const { signal } = new AbortController();
  const server = await serverInfo(client, signal);
  const { collections } = await planDatabase(client, server, { name }, false, signal);
  const left = new Set(given("--excludeCollection"));
  const options = { serverVersion: server.version, parallel: 1, snapshotTime: undefined, signal, onEnd: () => {} };
  const kept = collections.filter(({ archived }) => !left.has(archived.collection));
  for await (const bytes of driverArchive(client, { ...options, collections: kept })) process.stdout.write(bytes);
  await client.close();
  process.stderr.write(`done dumping ${name}\n`);
}
