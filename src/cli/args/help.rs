//! What `--help` teaches beyond the list of flags.

pub(super) const ABOUT: &str = "\
Infrastructure as code for the Microsoft 365 partner set-up of an MSP.

Partner apps, GDAP templates and customer tenants are declared as YAML, compared with what \
Microsoft has, and made so. What only a person can do is shown as a wait, with the link to click.";

pub(super) const EVERYWHERE: &str = "\
First steps:
  tenantry apply -f examples/first --sandbox       plan and apply against an embedded cloud
  tenantry sandbox approve --all                   play the customer, who accepts
  tenantry apply -f examples/first --sandbox       Ready

Exit codes:
  0    ok
  1    error; stderr says what is wrong and what to do
  2    plan --detailed-exitcode: something would be written now
  3    apply: applied, but something waits (0 with --allow-waiting)
  130  interrupted

Data goes to stdout; progress and diagnostics go to stderr.";

pub(super) const VALIDATE: &str = "\
Examples:
  tenantry validate -f msp/                        a folder and all below it
  kustomize build | tenantry validate -f -         what another program prints

Nothing is sent anywhere. All errors are shown, each with file and line.
Exit codes: 0 valid, 1 not valid.";

pub(super) const PLAN: &str = "\
Examples:
  tenantry plan -f msp/ --secrets-dir secrets/
  tenantry plan -f examples/first --sandbox
  tenantry plan -f msp/ --detailed-exitcode -o json > plan.json

Symbols: + is created, ~ is changed, - is deleted. What a person or Microsoft must do first is a
wait; what follows it stands under it and is part of the plan's hash.

Secrets are read from --secrets-dir DIR (DIR/<secret>/<key>), from TENANTRY_SECRET_<NAME>_<KEY>, or
from Secret documents among the manifests; never from flags.

Exit codes: 0 ok, 1 error; with --detailed-exitcode 2 when something would be written now.
Environment: TENANTRY_SECRETS_DIR, TENANTRY_SECRET_<NAME>_<KEY>, TENANTRY_ENDPOINT, TENANTRY_CA_FILE,
NO_COLOR, CLICOLOR_FORCE.";

pub(super) const APPLY: &str = "\
Examples:
  tenantry apply -f msp/ --secrets-dir secrets/              shows the plan and asks
  tenantry apply -f msp/ --secrets-dir secrets/ --auto-approve --wait=2h
  tenantry apply -f examples/first --sandbox --auto-approve

The plan is shown and written only after `yes`, or with --auto-approve. With errors in the input or
in the identity nothing is written. What was written is read back before it counts. Running it
again is always safe. Ctrl-C finishes the step in hand; a second one aborts.

New secrets are written to --secrets-dir only. Without it, a plan that makes a secret is refused.

Exit codes: 0 applied and nothing waits, 1 error, 3 applied but something waits (0 with
--allow-waiting), 130 interrupted.
Environment: TENANTRY_SECRETS_DIR, TENANTRY_SECRET_<NAME>_<KEY>, TENANTRY_ENDPOINT, TENANTRY_CA_FILE,
NO_COLOR, CLICOLOR_FORCE.";

pub(super) const STATUS: &str = "\
Examples:
  tenantry status -f msp/ --secrets-dir secrets/
  tenantry status -f examples/first --sandbox -o json

Everything shown was read from Microsoft just now. Marks: ✔ holds, ✘ does not hold, ⏳ waits for
somebody, ? could not be read.

Exit codes: 0 read, 1 error.
Environment: TENANTRY_SECRETS_DIR, TENANTRY_SECRET_<NAME>_<KEY>, TENANTRY_ENDPOINT, TENANTRY_CA_FILE,
NO_COLOR, CLICOLOR_FORCE.";

pub(super) const CRDS: &str = "\
Examples:
  tenantry crds | kubectl apply --server-side -f -
  tenantry crds --out crds/                        one file a kind
  tenantry crds --out crds/ --check                in CI: are the files up to date?

Exit codes: 0 ok, 1 error or not up to date.";

pub(super) const COMPLETION: &str = "\
Examples:
  tenantry completion bash > /etc/bash_completion.d/tenantry
  tenantry completion zsh > \"${fpath[1]}/_tenantry\"
  tenantry completion fish > ~/.config/fish/completions/tenantry.fish";

pub(super) const SANDBOX: &str = "\
`plan`, `apply` and `status` use the cloud with --sandbox and make it on first use. While a process
serves it, these commands talk to that process; else they open the state file.

Exit codes: 0 ok, 1 error.";

pub(super) const SANDBOX_INIT: &str = "\
Examples:
  tenantry sandbox init --world examples/first/.sandbox/world.yaml
  tenantry sandbox init --state /tmp/rehearsal.json --seed 7
  tenantry sandbox init --world msp.yaml --fleet 200
  tenantry sandbox init --profile realistic                  replicas lag, roles arrive late, quotas throttle

The customers of --fleet are called fleet-00001, fleet-00002 … with domains fleet-00001.example …; each has
ten users, an Exchange licence and a reseller relationship. A tenant id is a hash of the seed (the world's,
else --seed) and the name: the same in every run.";

pub(super) const SANDBOX_SERVE: &str = "\
Examples:
  tenantry sandbox serve --world examples/first/.sandbox/world.yaml
  tenantry sandbox serve --listen 127.0.0.1:8443 --tls --state /tmp/cloud.json
  tenantry sandbox serve --clock fixed@2026-11-23T10:00:00Z --latency 50
  tenantry sandbox serve --profile hostile                   and some answers are lost

When it answers, one line is printed to stdout: `serving URL`. All services of Microsoft are at that address,
with Microsoft's paths; `--endpoint URL` sends plan, apply and status there. With --tls, clients trust
FILE.ca.pem beside the state FILE; its key is kept in FILE.tls.pem, so that they trust the next start too.

The state is saved about once a second and on SIGINT or SIGTERM; a kill loses at most what came after the last
save. The clock never goes backwards: a time before the state's own leaves it where it is. Meanwhile
`tenantry sandbox approve`, `consent`, `env`, `advance`, `drift` and `requests` with the same --state talk to
the server.

Under /_sandbox/, as JSON:
  POST approve {\"all\": true} or {\"relationship\": NAME}, advance {\"seconds\": N}, advance-to-next, drift, save,
       consent {\"tenant\": T, \"app\": A}, rotate-keys, decline {\"relationship\": NAME}
  POST behaviour {\"profile\": \"realistic\", \"replicas\": 0}
  POST faults {\"outage\": true}, {\"throttle\": {\"next\": N, \"retryAfter\": S}}, {\"clear\": true}
  GET  counts {http, tokens, writes, next}, requests?since=SEQ&writes=true, clock, world, env, faults, behaviour,
       events, state-of-world

Exit codes: 0 stopped by a signal and saved, 1 error.";

pub(super) const SANDBOX_APPROVE: &str = "\
Examples:
  tenantry sandbox approve --all
  tenantry sandbox approve NW-contoso-standard";

pub(super) const SANDBOX_CONSENT: &str = "\
Examples:
  tenantry sandbox consent contoso.com 'Tenantry Manager'

The app's service principal appears in the tenant, with the application and delegated permissions of its
registration granted for all users. The page for it: URL/TENANT/v2.0/adminconsent?client_id=…&scope=….";

pub(super) const SANDBOX_ENV: &str = "\
Examples:
  eval \"$(tenantry sandbox env --world examples/first/.sandbox/world.yaml)\"
  tenantry sandbox env contoso.com --state /tmp/cloud.json

A process must serve the cloud (tenantry sandbox serve). The app is the partner's with the most application
permissions. The cloud keeps no value of a secret: AZURE_CLIENT_SECRET is printed when the world names it, else
a comment says so.";

pub(super) const SANDBOX_ADVANCE: &str = "\
Examples:
  tenantry sandbox advance 2h
  tenantry sandbox advance 90d                     an invitation that nobody accepted runs out";

pub(super) const SANDBOX_REQUESTS: &str = "\
Examples:
  tenantry sandbox requests --writes
  tenantry sandbox requests -o json | jq '.requests[].path'

Neither bodies nor secrets are kept.";

pub(super) const SANDBOX_DRIFT: &str = "\
Examples:
  tenantry sandbox drift                           what there is
  tenantry sandbox drift remove-group-member group='GDAP Tenantry – Security Reader'

Afterwards `tenantry plan` shows what `tenantry apply` would repair.";

pub(super) const SANDBOX_RESET: &str = "\
Examples:
  tenantry sandbox reset

Fails while a process serves the cloud. Secrets that the cloud gave away and the journal are moved aside,
to .tenantry/secrets.old and .tenantry/journal.json.old: the next cloud does not know them.";

pub(super) const OPERATOR: &str = "\
Examples:
  tenantry crds | kubectl apply --server-side -f -
  tenantry operator                                          the cluster of the current context
  tenantry operator --endpoint http://127.0.0.1:8080 --allow-endpoint 127.0.0.1      a sandbox

It keeps all objects of the API group tenantry.dev: compares them with what Microsoft has, writes what
differs, reads it back, and says in status what is so, who must act, and since when. Start one; a
second one would do the same work.

Secrets that it reads carry the label tenantry.dev/use: \"true\". A Secret that it did not make is
never overwritten. SIGTERM finishes the step in hand.

Annotation tenantry.dev/requestedAt=<anything new> verifies an object at once.
Traces are sent when OTEL_EXPORTER_OTLP_ENDPOINT is set.";
