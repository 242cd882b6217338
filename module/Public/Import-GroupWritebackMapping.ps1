function Import-GroupWritebackMapping {
    <#
    .SYNOPSIS
        Takes over the mapping of a Cloud Sync job, or one that was exported.
    .DESCRIPTION
        Reads a file and sets what it maps for groups, beside what is set already.
        The file is the synchronization schema of a Cloud Sync job in JSON, or one
        that Export-GroupWritebackMapping wrote. One row for each mapping comes
        out: Accepted, or Refused with the reason. What may behave in another way
        than in Microsoft's service is a warning. The next sync is Initial.

        With -WhatIf the rows come out, and nothing is saved. With a connection to
        the directory the attributes are checked against its schema; without one
        nothing can be set.
    .PARAMETER Path
        The file, in UTF-8 or UTF-16.
    .EXAMPLE
        Import-GroupWritebackMapping job.json -WhatIf

        Shows what of a Cloud Sync job's mapping can be taken over. The file is
        the answer of Microsoft Graph to GET
        /servicePrincipals/{id}/synchronization/jobs/{jobId}/schema.
    .EXAMPLE
        Import-GroupWritebackMapping job.json | Where-Object Result -eq Refused

        Takes it over, and shows what could not be.
    .INPUTS
        None
    .OUTPUTS
        GroupWriteback.MappingImport
    .LINK
        Export-GroupWritebackMapping
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
    [OutputType('GroupWriteback.MappingImport')]
    param(
        [Parameter(Mandatory, Position = 0)]
        [ValidateNotNullOrEmpty()]
        [string] $Path
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    $full = Resolve-FilePath -Cmdlet $PSCmdlet -Path $Path
    $file = Invoke-Engine -Cmdlet $PSCmdlet -Method 'mapping.read' -Parameter @{ path = $full }
    Write-EngineWarning -Warning $file.notes
    $entries = @(foreach ($entry in $file.entries) {
        if ($null -ne $entry) {
            $one = @{
                Attribute    = $entry.attribute
                Expression   = $entry.expression
                Apply        = $entry.apply
                DefaultValue = $entry.default
            }
            ConvertTo-MappingEntry @one
        }
    })
    if ($entries.Count) {
        $change = @{
            Cmdlet  = $PSCmdlet
            Mapping = @{ set = $entries }
            Text    = "Set the mapping of $(ConvertTo-CountText -Count $entries.Count -Noun 'attribute')"
            Quiet   = $true
        }
        Invoke-MappingChange @change
    }
    foreach ($entry in $entries) { ConvertTo-MappingImport -Mapping $entry -Result 'Accepted' }
    foreach ($entry in $file.refused) {
        if ($null -ne $entry) { ConvertTo-MappingImport -Mapping $entry -Result 'Refused' -Reason $entry.reason }
    }
}
