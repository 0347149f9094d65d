-- The health of every kind of tenantry.dev, for Argo CD. How to install it: argocd-cm.yaml. What it says when, and what
-- that means for an Application: docs/gitops.md.
--
-- It keeps to what Argo CD opens for a script: there is no library `string`.

local function health(status, message)
  return { status = status, message = message or "" }
end

-- The spec may have changed since the status was written, or Tenantry may not have seen the object at all.
if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "Being deleted")
end
local status = obj.status
if status == nil or status.conditions == nil then
  return health("Progressing", "Not seen by Tenantry yet")
end
if status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "The latest change has not been looked at yet")
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local none = { status = "", reason = "", message = "" }
local ready = conditions.Ready or none
local synced = conditions.Synced or none
local reconciling = conditions.Reconciling or none

local function text(condition)
  if condition.message ~= nil and condition.message ~= "" then
    return condition.message
  end
  return condition.reason or ""
end

-- The first wait on a person (or on Microsoft): who it is, what to do and where.
local function waits(on)
  local first, more = nil, 0
  for _, wait in ipairs(status.waits or {}) do
    if wait.on == on then
      if first == nil then
        first = wait
      else
        more = more + 1
      end
    end
  end
  if first == nil then
    return nil
  end
  local message = "Waits for " .. first.who .. ": " .. text(conditions[first.condition] or first)
  if first.link ~= nil then
    message = message .. " " .. first.link
  end
  if more > 0 then
    message = message .. " (and " .. more .. " more)"
  end
  return message
end

-- What only a change of the declaration, a licence or a contract ends.
local stalled = conditions.Stalled
if stalled ~= nil and stalled.status == "True" then
  return health("Degraded", text(stalled))
end
-- What is at rest because somebody wanted it so.
if obj.spec ~= nil and obj.spec.suspend == true or ready.reason == "Suspended" then
  return health("Suspended", "Suspended: nothing is read or written")
end
if ready.reason == "Offboarded" then
  return health("Suspended", text(ready))
end
-- A change that failed is shown even where everything that was there before still works.
if synced.status == "False" and synced.reason == "Failed" then
  return health("Degraded", text(synced))
end
if ready.status == "True" and synced.status ~= "False" then
  return health("Healthy", text(ready))
end

local person = waits("person")
if person ~= nil then
  return health("Suspended", person)
end
for _, condition in ipairs({ ready, synced }) do
  local asks = { ApprovalRequired = true, Contested = true, DeletionHeld = true }
  if condition.status == "False" and asks[condition.reason] then
    return health("Suspended", "Waits for Partner: " .. text(condition))
  end
end

local microsoft = waits("microsoft")
if microsoft ~= nil then
  return health("Progressing", microsoft)
end
if reconciling.status == "True" then
  return health("Progressing", text(reconciling))
end
-- Nobody is at it: it could not be read, or it is not as declared and stays so.
local at_rest = { CredentialInvalid = true, Drifted = true, GuardRefused = true }
if ready.status == "Unknown" and ready.reason ~= "Throttled" or ready.status == "False" and at_rest[ready.reason] then
  return health("Degraded", text(ready))
end
if ready.status == "True" then
  return health("Progressing", text(synced))
end
return health("Progressing", text(ready))
