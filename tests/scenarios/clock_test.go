package scenarios

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/rogpeppe/go-internal/testscript"
)

// ageCommand ends the engine, sets the times in the state back, and the tenant's clock
// forward, because the executable always uses the machine's clock.
func ageCommand(ts *testscript.TestScript, _ bool, args []string) {
	s := of(ts)
	s.stop()
	age, err := time.ParseDuration(args[0])
	ts.Check(err)
	db, err := sql.Open("sqlite3", filepath.Join(s.state, "state.db"))
	ts.Check(err)
	defer db.Close()
	earlier := func(time string) string {
		return fmt.Sprintf("strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', %s, '-%d seconds')", time, int(age.Seconds()))
	}
	for _, statement := range []string{
		"UPDATE watermark SET initial = " + earlier("initial"),
		"UPDATE watermark SET source = (SELECT json_group_array(json_set(value, '$.taken', " +
			earlier("json_extract(value, '$.taken')") + ")) FROM json_each(source))",
		fmt.Sprintf("UPDATE note SET at = at - %d", age.Milliseconds()),
		fmt.Sprintf("UPDATE reported_member SET at = at - %d", age.Milliseconds()),
		"UPDATE member_join SET due = " + earlier("due") + " WHERE due IS NOT NULL",
	} {
		_, err := db.Exec(statement)
		ts.Check(err)
	}
	tenantCommand(ts, false, []string{"pass-time", fmt.Sprintf(`{"seconds":%d}`, int(age.Seconds()))})
}
