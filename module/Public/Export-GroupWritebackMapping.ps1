function Export-GroupWritebackMapping {
    <#
    .SYNOPSIS
        Writes what is set for single attributes to a file.
    .DESCRIPTION
        Writes what is set with Set-GroupWritebackMapping as JSON, for
        Import-GroupWritebackMapping on another machine or later. The rows of the
        release are not written. No connection is needed.
    .PARAMETER Path
        The file. One that is there is replaced.
    .PARAMETER NoClobber
        Do not replace a file that is there.
    .EXAMPLE
        Export-GroupWritebackMapping mapping.json

        Keeps the mapping in a file.
    .INPUTS
        None
    .OUTPUTS
        None
    .LINK
        Import-GroupWritebackMapping
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Low')]
    [OutputType([void])]
    param(
        [Parameter(Mandatory, Position = 0)]
        [ValidateNotNullOrEmpty()]
        [string] $Path,

        [switch] $NoClobber
    )

    Import-CallerPreference -Cmdlet $PSCmdlet
    $full = Resolve-FilePath -Cmdlet $PSCmdlet -Path $Path
    if ($NoClobber -and (Test-Path -LiteralPath $full)) {
        $problem = @{
            Id       = 'FileExists'
            Category = 'ResourceExists'
            Object   = $full
            Message  = 'The file is there already.'
            Advice   = 'Name another, or leave out -NoClobber.'
        }
        $PSCmdlet.ThrowTerminatingError((ConvertTo-ErrorRecord @problem))
    }
    $rows = @(Get-MappingRow -Cmdlet $PSCmdlet | Where-Object -FilterScript { $_.Custom })
    $attributes = @(foreach ($row in $rows) {
        $entry = [ordered]@{ attribute = $row.Attribute; expression = $row.Expression; apply = $row.Apply }
        if ($row.DefaultValue) { $entry['default'] = $row.DefaultValue }
        $entry
    })
    $file = [ordered]@{ groupWritebackMapping = 1; attributes = $attributes }
    $text = ConvertTo-PlainText -Text "Write $(ConvertTo-CountText -Count $rows.Count -Noun 'mapping') to $full"
    if (-not $PSCmdlet.ShouldProcess("$text.", "$text. Continue?", 'Export group writeback mapping')) { return }
    try { [System.IO.File]::WriteAllText($full, (ConvertTo-Json -InputObject $file -Depth 4)) }
    catch {
        $problem = @{
            Id       = 'FileNotWritten'
            Category = 'WriteError'
            Object   = $full
            Message  = "The file cannot be written: $($_.Exception.GetBaseException().Message)"
            Advice   = 'Check the path and the rights.'
        }
        $PSCmdlet.ThrowTerminatingError((ConvertTo-ErrorRecord @problem))
    }
}
