#!/bin/sh
# Starts container/compose.yml, backs up a git repository and a MongoDB database, that one by the driver and by mongodump, into an S3 store,
# proves, restores, compares, and takes all of it down again. Images are those of compose.yml; CORE_BACKUP_IMAGE, MONGODB_IMAGE and S3_IMAGE
# name others.
set -eu
cd "$(dirname "$0")"
if docker compose version >/dev/null 2>&1; then
  compose() { docker compose --project-name core-backup-smoke "$@"; }
else
  compose() { docker-compose --project-name core-backup-smoke "$@"; }
fi
S3_SECRET_KEY=${S3_SECRET_KEY:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}
export S3_SECRET_KEY
fail() {
  echo "FAILED: $*" >&2
  compose logs --no-color git mongodb s3 >&2 || :
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"; compose down --volumes --timeout 5 >/dev/null 2>&1 || :' EXIT
inside() { compose run --rm -T "$@"; }

compose up -d mongodb git s3
inside --entrypoint node core-backup /opt/core-backup/smoke/seed.js || fail "the servers do not start"
inside core-backup run --json >"$work/first.json" || fail "the first run"
inside core-backup run --json >"$work/second.json" || fail "the second run"
inside --entrypoint node core-backup -e '
  const { runs } = JSON.parse(require("fs").readFileSync(0, "utf8"));
  for (const { job, status, totals } of runs) console.log(job, status, JSON.stringify(totals));
  const facts = runs.flatMap(({ units }) => units).flatMap(({ artifacts }) => artifacts).map(({ facts }) => facts);
  const read = facts.flatMap(({ strategy, documents }) => (strategy === undefined ? [] : `${documents} by ${strategy}`)).join(", ");
  if (read !== "1000 by driver, 1000 by mongodump") throw new Error("documents: " + read);
' <"$work/first.json" || fail "what was stored is not what was there"
grep -q '"unchanged": *1' "$work/second.json" || fail "the second run stored the unchanged repository again"
inside core-backup verify --snapshot all --prove || fail "verify"
inside --entrypoint sh core-backup -euc '
  for job in repositories databases dumped; do core-backup restore --job $job --to /tmp/restored/$job; done
  node /opt/core-backup/smoke/compare.js /tmp/restored
' || fail "restore"
echo "smoke: ok"
