package contract

// CheckResult is how a prerequisite stands.
type CheckResult string

// The results of a check.
const (
	Passed  CheckResult = "Passed"
	Failed  CheckResult = "Failed"
	Warning CheckResult = "Warning"
	Skipped CheckResult = "Skipped"
)
