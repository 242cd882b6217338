#!/bin/bash
# Gives an application, or a managed identity, the permissions for Microsoft Graph that
# group writeback needs. Run it signed in (az login) as an administrator who may consent to
# them (Privileged Role Administrator). It can be run again: what is there stays.
set -euo pipefail
client=@CLIENT@
names=(@PERMISSIONS@)
endpoint=@GRAPH@/v1.0

principal=$(az ad sp show --id "$client" --query id --output tsv)
graph=$(az ad sp show --id 00000003-0000-0000-c000-000000000000 --query id --output tsv)
there=$(az rest --method get --url "$endpoint/servicePrincipals/$principal/appRoleAssignments" --query 'value[].appRoleId' --output tsv)
for name in "${names[@]}"; do
    role=$(az ad sp show --id "$graph" --query "appRoles[?value=='$name' && contains(allowedMemberTypes, 'Application')].id | [0]" --output tsv)
    [[ -n $role ]] || { echo "Microsoft Graph has no application permission $name." >&2; exit 1; }
    if grep -qx "$role" <<<"$there"; then
        echo "$name is there already."
        continue
    fi
    az rest --method post --url "$endpoint/servicePrincipals/$principal/appRoleAssignments" --headers Content-Type=application/json \
        --body "{\"principalId\":\"$principal\",\"resourceId\":\"$graph\",\"appRoleId\":\"$role\"}" --output none
    echo "$name is granted."
done
