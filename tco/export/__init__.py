"""Files that outlive the meeting: workbook, budget tables, FOCUS-shaped forecast, report, JSON."""
