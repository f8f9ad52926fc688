"""Lines and goals become an order: who meets the goals, and who is cheapest."""
