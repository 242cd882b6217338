# Gives an application, or a managed identity, the permissions for Microsoft Graph that
# group writeback needs. Run it as an administrator who may consent to them (Privileged
# Role Administrator). It can be run again: what is there stays.
#Requires -Modules Microsoft.Graph.Applications
$ErrorActionPreference = 'Stop'
$clientId = '@CLIENT@'
$names = @PERMISSIONS@

Connect-MgGraph -Environment '@CLOUD@' -Scopes 'Application.Read.All', 'AppRoleAssignment.ReadWrite.All' -NoWelcome
$principal = Get-MgServicePrincipal -Filter "appId eq '$clientId'"
if (-not $principal) { throw "The tenant has no enterprise application with the client id $clientId." }
$graph = Get-MgServicePrincipal -Filter "appId eq '00000003-0000-0000-c000-000000000000'"
$there = @(Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $principal.Id -All).AppRoleId
foreach ($name in $names) {
    $role = $graph.AppRoles | Where-Object { $_.Value -eq $name -and $_.AllowedMemberTypes -contains 'Application' }
    if (-not $role) { throw "Microsoft Graph has no application permission $name." }
    if ($there -contains $role.Id) { Write-Output "$name is there already."; continue }
    $grant = @{
        ServicePrincipalId = $principal.Id
        PrincipalId        = $principal.Id
        ResourceId         = $graph.Id
        AppRoleId          = $role.Id
    }
    [void] (New-MgServicePrincipalAppRoleAssignment @grant)
    Write-Output "$name is granted."
}
