"""What people keep: plans as files in the user's folder, and plans in a link."""
